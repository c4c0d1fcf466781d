import { InputError } from '#platform';

const MAGIC = '\x93NUMPY';

/** [rows, columns], row by row. */
export type Matrix = { readonly rows: number; readonly columns: number; readonly values: Float32Array };

/**
 * A matrix of 32-bit floats as `numpy.save` writes it (NEP 1, versions 1 to 3: little-endian, in C order). Errors:
 * InputError MR_MODEL_MANIFEST for anything else.
 */
export function readNpy(bytes: Uint8Array, name: string): Matrix {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 12 || view.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw wrong(name, 'it is no file of numpy.save');
  const isShort = view[6] === 1;
  const from = isShort ? 10 : 12;
  const dataFrom = from + (isShort ? view.readUInt16LE(8) : view.readUInt32LE(8));
  const header = view.toString('utf8', from, dataFrom);
  const shape = /'shape': \((\d+), (\d+)\)/.exec(header);
  if (!/'descr': '<f4'/.test(header) || !/'fortran_order': False/.test(header) || shape === null)
    throw wrong(name, `its header is ${header.trim()}, not that of float32 [items, dimension] in C order`);
  const [rows, columns] = [Number(shape[1]), Number(shape[2])];
  const length = rows * columns * Float32Array.BYTES_PER_ELEMENT;
  if (view.length !== dataFrom + length)
    throw wrong(
      name,
      `${rows} x ${columns} numbers are ${length} bytes, and it has ${view.length - dataFrom}`,
    );
  const values = new Float32Array(rows * columns);
  new Uint8Array(values.buffer).set(view.subarray(dataFrom));
  return { rows, columns, values };
}

function wrong(name: string, problem: string): InputError {
  return new InputError('MR_MODEL_MANIFEST', `${name} can't be read: ${problem}.`, {
    hint: `Write it with numpy.save('${name}', vectors.astype('float32')).`,
  });
}
