// Shows the time left; the server's clock decides, this one only ticks between its answers.

import { el } from './dom';
import type { Color, Payload } from './types';

const HURRY_SECONDS = 20;

export class ClockView {
  readonly elements: Record<Color, HTMLElement> = {
    white: el('time', { class: 'clock', role: 'timer', 'aria-label': "White's clock" }),
    black: el('time', { class: 'clock', role: 'timer', 'aria-label': "Black's clock" }),
  };
  private received = 0;
  private payload: Payload | null = null;
  private readonly timer = window.setInterval(() => this.draw(), 100);

  show(payload: Payload): void {
    this.payload = payload;
    this.received = performance.now();
    this.draw();
  }

  stop(): void {
    window.clearInterval(this.timer);
  }

  private draw(): void {
    if (!this.payload) return;
    for (const side of ['white', 'black'] as const) {
      const { clock } = this.payload.players[side];
      const element = this.elements[side];
      element.hidden = clock === null;
      if (clock === null) continue;
      const runs = this.payload.ticking === side;
      const left = Math.max(0, clock - (runs ? (performance.now() - this.received) / 1000 : 0));
      const text = written(left);
      if (element.textContent !== text) element.textContent = text;
      element.classList.toggle('runs', runs);
      element.classList.toggle('hurry', left < HURRY_SECONDS);
    }
  }
}

function written(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const rest = seconds - 60 * minutes;
  const shown = seconds < HURRY_SECONDS ? rest.toFixed(1).padStart(4, '0') : String(Math.floor(rest)).padStart(2, '0');
  return `${minutes}:${shown}`;
}
