/** People as judges. */
export {
  type AnswerFinder,
  answerFinder,
  judgementOfLabel,
  type LabelImport,
  readHumanLabels,
} from "./labels.ts";
