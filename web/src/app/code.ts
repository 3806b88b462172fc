// Code that is loaded when it is first needed may be gone: the server was upgraded, or is away.

/** A second reload within this time, in milliseconds, would be a loop. */
const loop = 10_000;

/**
 * Loads a part of the console. If it cannot be had, waits for the server, and has the console of today loaded in
 * place of this one. The reload says false if the part is no longer wanted; then, and if a reload has not helped, the
 * error is thrown.
 */
export async function loadCode<T>(load: () => Promise<T>, reload: () => boolean): Promise<T> {
  try {
    return await load();
  } catch (error) {
    while (!(await serverAnswers())) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    const last = Number(sessionStorage.getItem('twinport.reloaded') ?? 0);
    if (Date.now() - last < loop) {
      throw error;
    }
    sessionStorage.setItem('twinport.reloaded', String(Date.now()));
    if (!reload()) {
      throw error;
    }
    return new Promise<never>(() => {}); // the page goes
  }
}

async function serverAnswers(): Promise<boolean> {
  try {
    return (await fetch('/console/', { method: 'HEAD', cache: 'no-store' })).ok;
  } catch {
    return false;
  }
}
