import type { DenseShape, Start } from './dense-parameters.ts';

/** Widths of layers of which each is half as wide as the one before. */
export const halvingWidths = (first: number, layers: number): readonly number[] =>
  Array.from({ length: layers }, (_, layer) => Math.max(1, first >> layer));

/** The layers after the first one, by their widths: `weights 1` and `bias 1`, `weights 2` and so on. */
export function hiddenLayers(widths: readonly number[]): readonly DenseShape[] {
  return widths.slice(1).flatMap((width, i): DenseShape[] => {
    const inputs = widths[i] as number;
    return [
      { name: `weights ${i + 1}`, shape: [inputs, width], start: beforeRectifier(inputs) },
      { name: `bias ${i + 1}`, shape: [width], start: { value: 0 } },
    ];
  });
}

/** Names of the parameters of `hiddenLayers`, for this many widths. */
export const hiddenLayerNames = (layers: number): readonly string[] =>
  Array.from({ length: layers - 1 }, (_, i) => [`weights ${i + 1}`, `bias ${i + 1}`]).flat();

/** Starting weights of a layer before a rectifier (He et al. 2015). */
export const beforeRectifier = (inputs: number): Start => ({ deviation: Math.sqrt(2 / inputs) });
