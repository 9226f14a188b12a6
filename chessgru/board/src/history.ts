// Draws the game so far: the list of moves, and how surprising each was.

import { el, svg } from './dom';
import type { Payload, Ply } from './types';

const CAP_BITS = 8;
const HALF = 18;

export class MoveList {
  readonly element = el('ol', { class: 'line', 'aria-label': 'Moves of the game' });

  constructor(private readonly go: (cursor: number) => void) {}

  show(line: Ply[], cursor: number, ending: string): void {
    const items: Node[] = [];
    line.forEach((ply, index) => {
      if (index % 2 === 0) items.push(el('li', { class: 'number', 'aria-hidden': 'true' }, `${index / 2 + 1}`));
      items.push(el('li', {}, this.item(ply, index + 1, cursor)));
    });
    if (!line.length) items.push(el('li', { class: 'empty' }, 'Drag a piece, click two squares, or type a move.'));
    if (ending) items.push(el('li', { class: 'ending' }, ending));
    this.element.replaceChildren(...items);
    this.reveal();
  }

  private item(ply: Ply, position: number, cursor: number): HTMLElement {
    const current = position === cursor;
    const bits = ply.bits === null ? '' : `${ply.bits.toFixed(1)} bits of surprise`;
    const item = el('button', { type: 'button', title: bits, 'aria-current': current ? 'step' : undefined }, ply.san);
    item.addEventListener('click', () => this.go(position));
    return item;
  }

  // Scrolls the list alone: scrollIntoView would move the page.
  private reveal(): void {
    const current = this.element.querySelector<HTMLElement>('[aria-current]');
    if (!current) return;
    const list = this.element;
    list.scrollTop = current.offsetTop - (list.clientHeight - current.offsetHeight) / 2;
    list.scrollLeft = current.offsetLeft - (list.clientWidth - current.offsetWidth) / 2;
  }
}

// White's surprise goes up from the middle, Black's down; one bar a ply.
export function surpriseGraph(payload: Payload, go: (cursor: number) => void): SVGElement {
  const plies = Math.max(payload.line.length, 20);
  const bars = payload.line.flatMap((ply, index) => {
    if (ply.bits === null) return [];
    const height = Math.max(1.5, (HALF * Math.min(ply.bits, CAP_BITS)) / CAP_BITS);
    const white = index % 2 === 0;
    const bar = svg('rect', {
      x: index + 0.12,
      width: 0.76,
      y: white ? HALF - height : HALF,
      height,
      class: `${white ? 'white' : 'black'}${index + 1 === payload.cursor ? ' current' : ''}`,
    });
    bar.append(svg('title'));
    bar.firstChild!.textContent = `${ply.san}: ${ply.bits.toFixed(1)} bits`;
    bar.addEventListener('click', () => go(index + 1));
    return [bar];
  });
  const axis = svg('line', { x1: 0, x2: plies, y1: HALF, y2: HALF, class: 'axis' });
  return svg(
    'svg',
    { viewBox: `0 0 ${plies} ${2 * HALF}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': 'Surprise of each move' },
    axis,
    ...bars,
  );
}
