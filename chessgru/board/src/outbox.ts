// Carries what the player did to the server: nothing is lost or done twice, whatever the reruns do.

import type { Action, Sent } from './types';

const RESEND_MS = 4000;

export class Outbox {
  private waiting: Sent[] = [];
  private last = 0;
  private session = '';
  private timer: number | undefined;
  send: (actions: Sent[]) => void = () => {};

  push(action: Action, game: string): void {
    const previous = this.waiting.at(-1);
    if (action.kind === 'goto' && previous?.kind === 'goto') this.waiting.pop();
    this.waiting.push({ ...action, seq: ++this.last, game });
    this.flush();
  }

  // Takes note of what the server has done; false if its answer is older than what the player sees.
  acknowledge(session: string, ack: number): boolean {
    if (session !== this.session) {
      this.session = session;
      this.waiting = [];
      this.last = ack;
    }
    this.waiting = this.waiting.filter((action) => action.seq > ack);
    if (!this.waiting.length) window.clearTimeout(this.timer);
    return ack >= this.last;
  }

  private flush = (): void => {
    window.clearTimeout(this.timer);
    if (!this.waiting.length) return;
    this.send([...this.waiting]);
    this.timer = window.setTimeout(this.flush, RESEND_MS);
  };
}
