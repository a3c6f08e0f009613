/** Which language a text is in, by character n-grams (eld). Its table is loaded with the first question. */

const MAX_CHARACTERS = 20_000;
/** Languages so close to the best one cannot be told apart. */
const TIE = 0.01;

export interface DetectedLanguage {
  /** ISO 639-1, or "" where there are no words. */
  readonly language: string;
  readonly isLanguage: (code: string) => boolean;
}

let detector: Promise<(text: string) => DetectedLanguage> | undefined;

/** The detector; 60 languages. */
export function languageDetector(): Promise<(text: string) => DetectedLanguage> {
  detector ??= import("eld/small").then(({ eld }) => (text) => {
    const result = eld.detect(text.slice(0, MAX_CHARACTERS));
    const scores = result.getScores();
    const best = scores[result.language] ?? 0;
    return {
      language: result.language,
      isLanguage: (code) => code === result.language || (scores[code] ?? -1) >= best - TIE,
    };
  });
  return detector;
}
