/**
 * Models: what is learned, how it is trained, and how it is judged. The two-tower and the sequential model, the networks
 * that rank (NeuMF, DLRM), with their graph language, optimisers and training loop, the models of implicit feedback that
 * need none of these (popularity, item-kNN, EASE, iALS), boosted trees, the exact vector index, and the evaluation of
 * rankers.
 *
 * Models know numbers only: dense ids and typed arrays in, ONNX files and typed arrays out. Equal seeds and data give
 * equal bytes on one machine. What an id stands for is the vocabulary's business, which training and serving share;
 * a version's files are kept behind the artifact port. Where data comes from is left to others.
 * onnxruntime-node stays behind this door; its runs block their thread.
 */
export { localArtifacts, openVersion } from './artifact/local/local-artifacts.ts';
export { candidateOf, contentsOf, sizeText } from './artifact/manifest.ts';
export {
  type ArtifactStore,
  INDEXES_DIRECTORY,
  type ManifestFile,
  type MetricValues,
  VERSIONS_DIRECTORY,
  type VersionContents,
  type VersionDescription,
  type VersionFiles,
  type VersionManifest,
} from './artifact/port.ts';
export { artifactsIn } from './artifact/shared/shared-artifacts.ts';
export { type Calibrator, calibrate, type Labelled, parseCalibrator } from './calibration/calibrator.ts';
export { fitIsotonic } from './calibration/isotonic.ts';
export { fitPlatt } from './calibration/platt.ts';
export {
  defaultModel,
  modelNamed,
  modelNames,
  modelOf,
  models,
  retrievalModelOf,
  servingOf,
} from './catalogue.ts';
export {
  type Checkpoint,
  type CheckpointArray,
  decodeCheckpoint,
  encodeCheckpoint,
  type Json,
  WEIGHTS_FILE,
} from './checkpoint.ts';
export type { Dataset } from './dataset.ts';
export { type DlrmConfig, dlrmDefaults } from './dlrm/config.ts';
export type { DlrmData, Examples as DlrmExamples, Rows as DlrmRows, SparseFeature } from './dlrm/data.ts';
export { DlrmScorer, type Predictions, type TrainedDlrm } from './dlrm/scorer.ts';
export { type SparseEncoding, sparseEncoder, vocabularyOf } from './dlrm/sparse-encoding.ts';
export { dlrm } from './dlrm/train.ts';
export { fitEase } from './ease/fit.ts';
export {
  type BootstrapOptions,
  bootstrapMean,
  type Interval,
  pairedBootstrap,
} from './evaluation/bootstrap.ts';
export {
  areaUnderCurve,
  type Calibration,
  type CalibrationBin,
  calibration,
  logLoss,
  type Outcomes,
} from './evaluation/classification.ts';
export {
  evaluationDifferences,
  type MetricIntervals,
} from './evaluation/differences.ts';
export {
  coverage,
  diversity,
  exposureGini,
  type Lists,
  novelty,
  popularityLift,
  shownPopularity,
} from './evaluation/lists.ts';
export { drawNegatives } from './evaluation/negatives.ts';
export {
  type CandidateScorer,
  evaluateSampled,
  evaluateScores,
  type FullRanking,
  type SampledRanking,
  type ScoredEvaluation,
  type Scorer,
} from './evaluation/protocol.ts';
export {
  type Evaluation,
  type EvaluationInput,
  evaluate,
  type ItemSets,
  itemsByUser,
  type Metrics,
  type Ranker,
  rankingMetrics,
} from './evaluation/ranking.ts';
export { heldOutAmong, longTail, segmentOf } from './evaluation/segments.ts';
export {
  type Interactions,
  perUserLastShare,
  type Split,
} from './evaluation/split.ts';
export { expectedMetrics, tiedGroups } from './evaluation/ties.ts';
export type { ScorePart, ScoreParts } from './explanation/score-parts.ts';
export { EXTERNAL_GRAPH_NAME, type ExternalModel, readExternalModel } from './external/directory.ts';
export {
  type ElementType,
  EXTERNAL_MODEL,
  type ExternalInput,
  type ExternalManifest,
  parseExternalManifest,
} from './external/manifest.ts';
export { EXTERNAL_MANIFEST_NAME } from './external/manifest-fields.ts';
export { type OutsideModel, readOutside } from './external/open-outside.ts';
export { ExternalScorer } from './external/scorer.ts';
export { type Provider, Session, type SessionOptions } from './graph/session.ts';
export { fitIals, type Ials } from './ials/fit.ts';
export { IdTable, type SentIds } from './id-table.ts';
export { itemVocabulary, matrixOf, onCpu, validationMetrics } from './implicit/dataset.ts';
export { InteractionMatrix, type Pairs } from './implicit/interaction-matrix.ts';
export { oneStepTraining } from './implicit/one-step-training.ts';
export { fitPopularity, sameForAll } from './implicit/popularity.ts';
export type { FittedRecommender } from './implicit/port.ts';
export { type BuiltIndex, buildIndex, type IndexOptions } from './index/build-index.ts';
export { type AdoptedIndex, adoptFaiss } from './index/faiss/adopt.ts';
export { type FaissIndex, readFaiss } from './index/faiss/read.ts';
export { writeFaiss } from './index/faiss/write.ts';
export { IndexFile, readCalibration, readIndex, saveIndex } from './index/files/index-file.ts';
export { FlatIndex } from './index/flat-index.ts';
export { buildIvf, type IvfOptions } from './index/ivf/build.ts';
export { IvfIndex } from './index/ivf/ivf-index.ts';
export { MaintainedIndex, type MaintenanceOptions } from './index/ivf/maintained-index.ts';
export { openIndex, openIndexToSend, receiveIndex, type SentIndex } from './index/open-index.ts';
export type { IndexCalibration, IndexParts } from './index/parts.ts';
export type { SearchOptions, VectorIndex } from './index/port.ts';
export { ShardedIndex } from './index/sharded-index.ts';
export { vectorBytes, vectorOf } from './index/vector-bytes.ts';
export { fitItemKnn } from './item-knn/fit.ts';
export {
  type ColumnImportance,
  checkedNeeds,
  type Model,
  type RankingModel,
  type RetrievalModel,
  type SnapshotNeeds,
  type TrainedModel,
  VALIDATED_BY,
} from './model.ts';
export { loadModelModules, modelModules } from './model-modules.ts';
export { type NeuMfConfig, neuMfDefaults } from './neumf/config.ts';
export type { NeuMfData } from './neumf/data.ts';
export { NeuMfScorer, type TrainedNeuMf } from './neumf/scorer.ts';
export { neuMf } from './neumf/train.ts';
export { openRanker } from './open-ranker.ts';
export { modelOptions, modelSettings } from './options.ts';
export { hostThreads } from './parallel/thread-host.ts';
export {
  type ConfigOf,
  checkConfig,
  configured,
  type ModelConfig,
  type Parameters,
  type SearchDimension,
  type SearchSpace,
  searchSpaceOf,
} from './parameters.ts';
export {
  allTimePopularity,
  decayedPopularity,
  type ItemEvents,
  popularityRanker,
  tuneHalfLifeMs,
} from './popularity.ts';
export { type Random, seededRandom } from './random.ts';
export type { ColumnSubject, RankingDataset, RankingRows, Shown } from './ranking/dataset.ts';
export type {
  Asking,
  FeatureColumn,
  ItemRanker,
  Objectives,
  RankerInputs,
  RankingQuery,
} from './ranking/port.ts';
export { rankingParts } from './ranking/ranking-parts.ts';
export { retrievalParts } from './ranking/retrieval-parts.ts';
export { rowScores } from './ranking/row-scores.ts';
export { forEachJudgedList } from './ranking-networks/list-metrics.ts';
export { type SequentialConfig, sequentialDefaults } from './sequential/config.ts';
export type { Sequences as ItemSequences, SequentialData } from './sequential/data.ts';
export { SequentialEncoder } from './sequential/encoder.ts';
export { sequential, type TrainedSequential } from './sequential/train.ts';
export { type ItemScorer, openItemScorer, userInputOf } from './serving/item-scorer.ts';
export {
  type IndexedItems,
  type ItemVectors,
  indexItemVectors,
  readItemVectors,
  saveItemVectors,
} from './serving/item-vectors.ts';
export { ItemWeights } from './serving/item-weights.ts';
export {
  ITEM_IDS_FILE,
  ITEM_VECTORS_FILE,
  ITEM_WEIGHTS_FILE,
  type ItemEncoding,
  type ItemInput,
  QUERIES_FILE,
  type Serving,
  type UserEncoding,
  type UserInput,
  VOCABULARY_FILE,
} from './serving/port.ts';
export { requireEncoderFiles } from './text-encoder/encoder-files.ts';
export { TitleEncoder } from './text-encoder/title-encoder.ts';
export { bitmapOf, inBitmap, type Ranked, rankScores, TopK } from './top-k.ts';
export {
  type EpochSummary,
  type Execution,
  type Trainable,
  type Training,
  type TrainingControl,
  type TrainingHistory,
  type TrainingMetrics,
  type TrainingProgress,
  train,
} from './training.ts';
export { boostedTrees, type TreeData } from './trees/boosting.ts';
export type { Column, FeatureRows, TreeEnsemble } from './trees/ensemble.ts';
export { type FitControl, type FittedTrees, fitTrees } from './trees/fit.ts';
export { type Fold, foldsByGroup, foldsByTime } from './trees/folds.ts';
export {
  gainImportance,
  type ImportanceOptions,
  permutationImportance,
  splitImportance,
} from './trees/importance.ts';
export { meanNdcg } from './trees/losses/ranking.ts';
export { treesAsOnnx } from './trees/onnx.ts';
export { type LossName, type TreeOptions, treeParameters } from './trees/parameters.ts';
export { TreeScorer } from './trees/scorer.ts';
export { type Contributions, treeContributions } from './trees/shap.ts';
export { readTrees, saveTrees } from './trees/storage.ts';
export { rowsAt, type TrainingRows } from './trees/training-rows.ts';
export { type TwoTowerConfig, twoTowerDefaults } from './two-tower/config.ts';
export type { Bags, Categoricals, Examples, TwoTowerData } from './two-tower/data.ts';
export { type UserBatch, UserEncoder } from './two-tower/encoder.ts';
export { type Sequences, sequenceExamples } from './two-tower/sequences.ts';
export { type TrainedTwoTower, trainTwoTower } from './two-tower/train.ts';
export { type TwoTowerResult, twoTower } from './two-tower/training.ts';
export { type ItemMetadata, type SentVocabulary, Vocabulary, type VocabularySource } from './vocabulary.ts';
