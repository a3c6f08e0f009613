/** What a check found. */
import type { Json } from "../../judged/index.ts";

export interface Finding {
  readonly isFollowed: boolean;
  /** What was counted or seen. */
  readonly found: Json;
}

export const finding = (isFollowed: boolean, found: Json): Finding => ({ isFollowed, found });

/** A count within inclusive bounds. */
export function within(
  found: number,
  bounds: { readonly atLeast?: number | undefined; readonly atMost?: number | undefined },
): Finding {
  const { atLeast = 0, atMost = Number.POSITIVE_INFINITY } = bounds;
  return finding(found >= atLeast && found <= atMost, found);
}

/** As reports show a piece of an answer. */
export const excerpt = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);
