// Draws what one player is expected to do: moves as bars split by where the probability comes from.

import { el, icon, percent } from './dom';
import type { Card, Color, Reply, Suggestion } from './types';

export interface CardEvents {
  hover: (side: Color, move: { uci: string; p: number } | null) => void;
  curtain: (side: Color, closed: boolean) => void;
}

export class CardView {
  readonly element: HTMLElement;
  private readonly heading = el('h3');
  private readonly body = el('div', { class: 'card-body' });
  private readonly curtain = el('button', { type: 'button', class: 'curtain' });
  private pinned = '';
  private card: Card | null = null;

  constructor(
    private readonly side: Color,
    private readonly events: CardEvents,
  ) {
    this.curtain.addEventListener('click', () => this.events.curtain(this.side, !this.card?.closed));
    this.element = el(
      'section',
      { class: `card ${side}`, 'data-side': side },
      el('header', {}, el('i', { class: 'swatch' }), this.heading, this.curtain),
      this.body,
    );
    this.element.addEventListener('mouseleave', () => this.point(null));
  }

  show(card: Card): void {
    this.card = card;
    this.pinned = '';
    this.heading.textContent = card.title;
    this.element.setAttribute('aria-label', card.title);
    this.drawCurtain(card);
    this.draw(card);
  }

  private drawCurtain({ eye, closed }: Card): void {
    this.curtain.hidden = !eye;
    this.curtain.replaceChildren(icon(closed ? 'closed' : 'eye'));
    this.curtain.setAttribute('aria-label', eye);
    this.curtain.setAttribute('title', eye);
  }

  private draw(card: Card): void {
    const parts: Node[] = [];
    if (card.moves.length) parts.push(el('ol', { class: 'moves' }, ...card.moves.map((move) => this.row(move))));
    if (card.replies.length) parts.push(el('ul', { class: 'replies' }, ...card.replies.map((reply) => this.reply(reply))));
    if (card.note) parts.push(el('p', { class: 'note' }, card.note));
    this.body.replaceChildren(...parts);
  }

  private row(move: Suggestion): HTMLElement {
    const rest = Math.max(0, move.p - move.own - move.h2h);
    const part = (kind: string, share: number): HTMLElement =>
      el('i', { class: kind, style: `width:${(100 * share).toFixed(2)}%` });
    const row = el(
      'button',
      { type: 'button', 'data-uci': move.uci, title: sources(move, rest) },
      el('b', {}, move.san),
      el('span', { class: 'bar' }, part('h2h', move.h2h), part('own', move.own), part('network', rest)),
      el('span', { class: 'p' }, percent(move.p)),
      el('span', { class: 'evidence' }, move.evidence),
    );
    row.addEventListener('mouseenter', () => this.point(move));
    row.addEventListener('focus', () => this.point(move));
    row.addEventListener('blur', () => this.point(null));
    row.addEventListener('click', () => this.pin(move));
    return el('li', {}, row);
  }

  private reply(reply: Reply): HTMLElement {
    const answers = reply.answers.flatMap((answer, index) => [
      index ? ', ' : '',
      el('b', {}, answer.san),
      ` ${percent(answer.p)}`,
    ]);
    return el('li', { title: `${reply.san}: ${percent(reply.p)}` }, 'if ', el('em', {}, reply.san), ': ', ...answers);
  }

  private pin(move: Suggestion): void {
    this.pinned = this.pinned === move.uci ? '' : move.uci;
    this.body.querySelectorAll('.moves button').forEach((row) => {
      row.setAttribute('aria-pressed', String(row.getAttribute('data-uci') === this.pinned));
    });
    this.point(this.pinned ? move : null);
  }

  private point(move: Suggestion | null): void {
    const pinned = this.card?.moves.find((candidate) => candidate.uci === this.pinned);
    this.events.hover(this.side, move ?? pinned ?? null);
  }
}

function sources(move: Suggestion, rest: number): string {
  const parts = [`people like this ${percent(rest)}`];
  if (move.own) parts.push(`own games ${percent(move.own)}`);
  if (move.h2h) parts.push(`against this opponent ${percent(move.h2h)}`);
  return `${move.san} ${percent(move.p)}: ${parts.join(' + ')}`;
}
