import { APIError } from '../../api/client';

/** How often others may be first. */
const patience = 5;

/** Reads, and replaces what was read: again if someone else has replaced it in between. */
export async function onWhatIsThere<Result>(readAndReplace: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await readAndReplace();
    } catch (error) {
      if (!(error instanceof APIError && error.conflict) || tries === patience) {
        throw error;
      }
    }
  }
}
