/** The error codes of the models and their files. */
import { type CodesOf, fixConfiguration, fixInput, giveUp } from '#platform';

export const MODELS_ERRORS = {
  MR_EVALUATION_NEGATIVES: fixInput`A user has interacted with so many items that too few others are left to draw from.
    Draw fewer, or rank all items.`,
  MR_EVALUATION_OUTCOMES: fixInput`Predictions and outcomes cannot be evaluated: their lengths differ, they are empty, of one class, or not probabilities.
    Evaluate on rows with both classes, with probabilities from 0 to 1.`,
  MR_EVALUATION_PAIRS: fixInput`Two rankers to compare were not evaluated on the same users.
    Evaluate both on the same users, at least one.`,
  MR_GRAPH_NAME: fixInput`A name is used twice in a graph.
    Choose another.`,
  MR_GRAPH_SHAPE: fixInput`The shapes of an operation's tensors do not match.
    Check the shapes where the graph is built.`,
  MR_INDEX_CORRUPT: fixInput`A file is damaged or not an index.
    Fetch the version again, or rebuild the index.`,
  MR_INDEX_DIMENSION: fixInput`A vector has another dimension than the index.
    Use a query and an index of the same version.`,
  MR_INDEX_FULL: fixInput`An index has no room for more vectors.
    Train with a smaller dimension, or leave items out: a shard of an index, of a million items at first, holds up to 4 GiB.`,
  MR_INDEX_ID: fixInput`An id of a vector is not an integer from 0 to 2147483647, or is there twice.
    Number the vectors, each with an id of its own.`,
  MR_INDEX_K: fixInput`The requested number of results is negative or not an integer.
    Ask for 0 or more.`,
  MR_INDEX_REBUILD: giveUp`The thread that rebuilds an index has ended unexpectedly; the index stays as it is.
    Look at the system's log for the process, which may lack memory for a second index.`,
  MR_INDEX_UNSUPPORTED: fixInput`A file of FAISS holds an index of a kind that is not read, or uses what only FAISS has.
    Build an IndexFlatIP, IndexFlatL2 or IndexIVFFlat with ids from 0 to 2^31 - 1, and write that.`,
  MR_INDEX_VECTOR: fixInput`A vector holds a number that is not finite, or is longer than 2^62.
    Train again with a lower learning rate.`,
  MR_MODEL_CHECKPOINT: fixInput`A checkpoint is damaged, or belongs to another training.
    Train from scratch, or with the data and configuration that it was written with.`,
  MR_MODEL_CONFIG: fixConfiguration`A parameter of the model is out of its range.
    Set it as the hint says.`,
  MR_MODEL_DATA: fixInput`Training data is inconsistent.
    Correct what the message names.`,
  MR_MODEL_DIVERGED: giveUp`The loss is no longer finite.
    Train again with a lower learning rate.`,
  MR_MODEL_OBJECTIVE: giveUp`A ranker was asked to weigh an objective that it does not predict.
    Change option recommend.objectives, or promote a version that predicts it, such as one of dlrm trained on purchases.`,
  MR_MODEL_GRAPH: fixInput`The ONNX graph of an external model can’t be run: an unknown operator, or a damaged file.
    Export it again with standard operators and its weights inside the file.`,
  MR_MODEL_HASH: fixInput`The graph of an external model is not the one that its manifest names.
    Copy both again, or rewrite the manifest.`,
  MR_MODEL_INPUT: fixInput`A model was given inputs other than it requires.
    Compare them with the inputs that the hint lists.`,
  MR_MODEL_MANIFEST: fixInput`The directory of an external model lacks a file, or its manifest is malformed.
    Correct model.json where the message says.`,
  MR_MODEL_MODULE: fixConfiguration`A module of training.modelModules cannot be loaded, its default export is no model, or it has the name of another model.
    Export a Model under a name of its own as default.`,
  MR_MODEL_PROBE: fixInput`An external model fails on rows of zeros or of missing values, or its scores for them are not numbers.
    State in the manifest what represents a missing value, and test the graph by itself.`,
  MR_MODEL_SIGNATURE: fixInput`The inputs or outputs of a graph differ from those in its manifest.
    Correct the manifest, or export the model again.`,
  MR_MODEL_UNREADABLE: giveUp`A model file is damaged, or not ONNX that can be run.
    Fetch the version again, or retrain.`,
  MR_TEXT_ENCODER_MISSING: fixConfiguration`A file of the text encoder for titles can’t be read.
    Set training.textEncoder to an ONNX file that has its tokenizer.json or vocab.txt beside it.`,
  MR_TEXT_ENCODER_UNFIT: fixConfiguration`The text encoder for titles can’t be run, or its inputs or outputs are not those of a text encoder.
    Export it as docs/MODELS.md says, or omit training.textEncoder: titles are then encoded by their n-grams.`,
  MR_TRAINING_NO_WEIGHTS: giveUp`A version was written without the weights that a refresh starts from.
    Train from scratch once: "millrace train".`,
  MR_TRAINING_THREAD: giveUp`The thread of a training ended unexpectedly.
    Look at the system's log for the process; train again.`,
  MR_TREES_PATH: fixInput`Trees split by so many categories that onnxruntime could not load their ONNX file.
    Train with fewer categories in the column that the message names.`,
  MR_VERSION_CORRUPT: giveUp`A file of a version does not match its manifest.
    Train again, or restore the directory; the version in service stays.`,
  MR_VERSION_FILE: fixInput`The name of a version's file could lead outside its directory.
    Name it with letters, digits, dots, hyphens and underscores.`,
  MR_VERSION_MISSING: fixConfiguration`A version's directory is missing.
    Copy it from the data directory that trained it, and a running start loads it by itself; or train again.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof MODELS_ERRORS> {}
}
