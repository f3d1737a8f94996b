/** Everything a user needs to act on a failure, beside the sentence that says what happened. */
type ErrorDetail = {
  /** What the user can do about it. */
  readonly remedy: string;
  /** File, line, tensor or setting the error is about. */
  readonly where?: string;
  readonly cause?: unknown;
};

/** An error meant for the user: a stable `code`, a plain sentence, where it happened and a remedy. */
export class StudioError extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly where: string | undefined;

  /** @param code stable kebab-case identifier, e.g. `safetensors-truncated` */
  constructor(code: string, message: string, detail: ErrorDetail) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'StudioError';
    this.code = code;
    this.remedy = detail.remedy;
    this.where = detail.where;
  }
}

/** Plain-data form of an error, for worker messages and reports. */
export type ErrorReport = {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly where?: string;
};

/** Turns anything thrown into plain data that can be posted, stored and shown. */
export function reportError(error: unknown): ErrorReport {
  if (error instanceof StudioError) {
    return {
      code: error.code,
      message: error.message,
      remedy: error.remedy,
      ...(error.where === undefined ? {} : { where: error.where }),
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: 'unexpected',
    message,
    remedy: 'Reload the page and resume; what was computed is kept. If it happens again, send the report.',
  };
}
