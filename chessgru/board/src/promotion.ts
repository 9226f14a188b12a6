// Asks which piece a pawn becomes, on the squares of its file as on Lichess.

import { el } from './dom';
import type { Color } from './types';

const PIECES: [string, string][] = [
  ['q', 'queen'],
  ['n', 'knight'],
  ['r', 'rook'],
  ['b', 'bishop'],
];

export const ROLE: Record<string, 'queen' | 'rook' | 'bishop' | 'knight'> = {
  q: 'queen',
  r: 'rook',
  b: 'bishop',
  n: 'knight',
};

export function askPromotion(
  board: HTMLElement,
  square: string,
  color: Color,
  orientation: Color,
  done: (letter: string | null) => void,
): void {
  const file = square.charCodeAt(0) - 97;
  const left = orientation === 'white' ? file : 7 - file;
  const fromTop = color === orientation;
  const dialog = el('div', { class: 'promotion cg-wrap', role: 'dialog', 'aria-label': 'Promote the pawn to' });
  const close = (letter: string | null): void => {
    dialog.remove();
    done(letter);
  };
  PIECES.forEach(([letter, role], index) => {
    const row = fromTop ? index : 7 - index;
    const choice = el(
      'button',
      { type: 'button', 'aria-label': role, style: `left:${left * 12.5}%;top:${row * 12.5}%` },
    );
    const piece = document.createElement('piece');
    piece.className = `${role} ${color}`;
    choice.append(piece);
    choice.addEventListener('click', (event) => {
      event.stopPropagation();
      close(letter);
    });
    dialog.append(choice);
  });
  dialog.addEventListener('click', () => close(null));
  dialog.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') close(null);
    event.stopPropagation();
  });
  board.append(dialog);
  dialog.querySelector('button')?.focus();
}
