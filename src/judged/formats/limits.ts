/** What files of others may ask of an import before they are refused. */
import { TEXT_LIMITS, type TextLimits } from "../lines.ts";

export interface ImportLimits extends TextLimits {
  /** Lists and objects in one another. */
  readonly depth: number;
  /** Values of one row, each of which takes tens of bytes in memory however short it is in the file. */
  readonly rowValues: number;
  /** Unpacked size of one page of a Parquet column. */
  readonly pageBytes: number;
  /** Values of one page of a Parquet column. */
  readonly pageValues: number;
  /** Description of a Parquet file's contents. */
  readonly footerBytes: number;
}

/** Rows of released data sets stay far below; a conversation of a million tokens is about 4 MiB. */
export const IMPORT_LIMITS: ImportLimits = {
  ...TEXT_LIMITS,
  lineBytes: 16 * 1024 * 1024,
  depth: 64,
  rowValues: 1 << 18,
  pageBytes: 64 * 1024 * 1024,
  pageValues: 1 << 22,
  footerBytes: 64 * 1024 * 1024,
};
