/** The error codes of the models and their files. */
import { type CodesOf, fixConfiguration, fixInput, giveUp } from '#platform';

export const MODELS_ERRORS = {
  MR_EVALUATION_NEGATIVES: fixInput`A user has had so many items that there are not as many others as are to be drawn.
    Draw fewer, or rank all items.`,
  MR_EVALUATION_OUTCOMES: fixInput`Predictions and outcomes cannot be judged: of different length, none, of one class, or no probabilities.
    Evaluate on rows with both classes, with probabilities from 0 to 1.`,
  MR_EVALUATION_PAIRS: fixInput`Two rankers to compare were not evaluated on the same users.
    Evaluate both on the same users, one at least.`,
  MR_GRAPH_NAME: fixInput`A name is used twice in a graph.
    Choose another.`,
  MR_GRAPH_SHAPE: fixInput`Tensors of an operation do not fit.
    Check the shapes where the graph is built.`,
  MR_INDEX_CORRUPT: fixInput`An index file is damaged or is none.
    Fetch the version again, or build the index anew.`,
  MR_INDEX_DIMENSION: fixInput`A vector has another dimension than the index.
    Take query and index from the same version.`,
  MR_INDEX_VECTOR: fixInput`A vector holds a number that is not finite.
    Train again with a lower learning rate.`,
  MR_MODEL_CHECKPOINT: fixInput`A checkpoint is damaged, or of another training.
    Train from the start, or with the data and configuration it was made with.`,
  MR_MODEL_CONFIG: fixConfiguration`A parameter of the model is out of its range.
    Set it as the hint says.`,
  MR_MODEL_DATA: fixInput`Training data is inconsistent.
    Correct what the message names.`,
  MR_MODEL_DIVERGED: giveUp`The loss is not finite any more.
    Train again with a lower learning rate.`,
  MR_MODEL_GRAPH: fixInput`The ONNX graph of a model from outside can’t be run: an unknown operator, or a damaged file.
    Export it again with standard operators and its weights inside of the file.`,
  MR_MODEL_HASH: fixInput`The graph of a model from outside is not the one that its manifest names.
    Copy both again, or write the manifest anew.`,
  MR_MODEL_INPUT: fixInput`A model was given other inputs than it wants.
    Compare them with those that the hint lists.`,
  MR_MODEL_MANIFEST: fixInput`The directory of a model from outside lacks a file, or its manifest is malformed.
    Correct model.json where the message says.`,
  MR_MODEL_PROBE: fixInput`A model from outside fails over rows of zeros or of missing values, or scores them with no number.
    Say in the manifest what stands for a missing value, and try the graph by itself.`,
  MR_MODEL_SIGNATURE: fixInput`The inputs or outputs of a graph are not those that its manifest says.
    Correct the manifest, or export the model again.`,
  MR_MODEL_UNREADABLE: giveUp`A model file is damaged, or is no ONNX that can be run.
    Fetch the version again, or train anew.`,
  MR_TEXT_ENCODER_MISSING: fixConfiguration`A file of the text encoder for titles can’t be read.
    Set training.textEncoder to an ONNX file, with the tokenizer.json or vocab.txt of its tokens beside it.`,
  MR_TEXT_ENCODER_UNFIT: fixConfiguration`The text encoder for titles can’t be run, or takes or gives something else than one does.
    Export it as docs/MODELS.md says, or leave training.textEncoder out: titles are then read by their n-grams.`,
  MR_TRAINING_NO_WEIGHTS: giveUp`A version was written without the weights that a refresh begins with.
    Train from scratch once: "millrace train".`,
  MR_TRAINING_THREAD: giveUp`The thread of a training has ended by itself.
    Look at what the system says of the process; train again.`,
  MR_VERSION_CORRUPT: giveUp`A file of a version is not what its manifest says.
    Train again, or restore the directory; the version in service stays.`,
  MR_VERSION_FILE: fixInput`A file of a version has a name that could lead out of its directory.
    Name it with letters, digits, dots, hyphens and underscores.`,
  MR_VERSION_MISSING: fixConfiguration`The directory of a version is not there.
    Copy it from the data directory that trained it: a running start loads it by itself. Or train again.`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof MODELS_ERRORS> {}
}
