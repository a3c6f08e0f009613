/**
 * Calibration of a router whose candidates changed after training.
 *
 * Curves that all candidates share serve a new one too: its scores are on the scale of the others. They were fitted on
 * answers of the others, though. Curves per candidate say nothing of a new one, so such a router loses its calibration.
 */
import type { CalibrationFile } from "./calibration-file.ts";

export interface GrownCalibration {
  readonly content: CalibrationFile;
  /** Routers that lost their calibration. */
  readonly lost: readonly string[];
}

export function withCalibratedCandidate(content: CalibrationFile, name: string): GrownCalibration {
  const lost: string[] = [];
  const routers: Record<string, CalibrationFile["routers"][string]> = {};
  for (const [router, calibration] of Object.entries(content.routers)) {
    const isShared = calibration.method === "temperature" || calibration.method === "platt";
    const curve = calibration.curves[content.candidates[0]!]!;
    if (isShared) routers[router] = { ...calibration, curves: { ...calibration.curves, [name]: curve } };
    else lost.push(router);
  }
  return { content: { ...content, candidates: [...content.candidates, name], routers }, lost };
}

export function withoutCalibratedCandidate(content: CalibrationFile, name: string): CalibrationFile {
  const routers = Object.entries(content.routers).map(([router, calibration]) => {
    const curves = Object.entries(calibration.curves).filter(([candidate]) => candidate !== name);
    return [router, { ...calibration, curves: Object.fromEntries(curves) }] as const;
  });
  return {
    ...content,
    candidates: content.candidates.filter((candidate) => candidate !== name),
    routers: Object.fromEntries(routers),
  };
}
