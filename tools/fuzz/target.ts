/** What is attacked: a parser, inputs that it accepts, and what it has to keep to. */
import { StudioError } from '../../src/lib/errors.ts';

export type Target = {
  readonly name: string;
  /** Good inputs to start from. */
  readonly seeds: readonly Uint8Array[];
  /** Changed as JSON now and then, as bytes else. */
  readonly json?: boolean;
  /** Words of its language. */
  readonly tokens: readonly string[];
  /**
   * Reads an input, and compares what it read with a second implementation where there is one.
   * @throws StudioError where the input is refused; anything else is a failure
   */
  readonly read: (input: Uint8Array) => unknown;
};

/** Where two implementations disagree. */
export class Disagreement extends Error {}

/** What is wrong with the outcome of a case; null for nothing: it was read, or refused as it should be. */
export async function faultOf(target: Target, input: Uint8Array): Promise<string | null> {
  try {
    await target.read(input);
    return null;
  } catch (error) {
    if (error instanceof StudioError)
      return isTelling(error) ? null : `an error that tells nothing: ${error.code}`;
    return error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
  }
}

function isTelling({ code, message, remedy }: StudioError): boolean {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(code) && message !== '' && remedy !== '';
}
