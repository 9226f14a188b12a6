// Turns predictions into arrows: a color a side, width and opacity by probability, never too faint to see.

import type { DrawBrushes, DrawShape } from '@lichess-org/chessground/draw';
import type { Key } from '@lichess-org/chessground/types';
import type { Color, Suggestion } from './types';

const COLORS: Record<Color, string> = { white: '#15781b', black: '#1d4fb8' };
const LEVELS = 7;
const FLOOR = 0.45;
export const MOST = 3;
const WORTH_SHOWING = 0.04;

// Chessground only ever adds arrowheads, so every opacity has its own fixed brush.
export function brushes(): DrawBrushes {
  const result: Record<string, DrawBrushes['green']> = {};
  for (const [name, color] of [['green', '#15781B'], ['red', '#882020'], ['blue', '#003088'], ['yellow', '#e68f00']]) {
    result[name] = { key: name[0], color, opacity: 1, lineWidth: 10 };
  }
  for (const side of ['white', 'black'] as const) {
    for (let level = 0; level <= LEVELS; level++) {
      const key = `${side}${level}`;
      const opacity = FLOOR + (1 - FLOOR) * (level / LEVELS);
      result[key] = { key, color: COLORS[side], opacity, lineWidth: 5 + Math.round((6 * level) / LEVELS) };
    }
  }
  return result as DrawBrushes;
}

export function arrow(side: Color, move: { uci: string; p: number }): DrawShape {
  const level = Math.round(LEVELS * Math.min(1, Math.sqrt(move.p)));
  return { orig: move.uci.slice(0, 2) as Key, dest: move.uci.slice(2, 4) as Key, brush: `${side}${level}` };
}

export function arrows(side: Color, moves: Suggestion[]): DrawShape[] {
  const shown = moves.slice(0, MOST).filter((move, rank) => rank === 0 || move.p >= WORTH_SHOWING);
  return shown.reverse().map((move) => arrow(side, move));
}
