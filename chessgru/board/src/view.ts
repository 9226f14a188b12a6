// Everything on the screen. The player's own move shows at once; the server's answer then settles it.

import { Chessground } from '@lichess-org/chessground';
import type { Api } from '@lichess-org/chessground/api';
import type { Dests, Key } from '@lichess-org/chessground/types';
import { arrow, arrows, brushes } from './arrows';
import { CardView } from './cards';
import { ClockView } from './clock';
import { button, el } from './dom';
import { MoveList, surpriseGraph } from './history';
import { Outbox } from './outbox';
import { askPromotion, ROLE } from './promotion';
import { typedMove } from './typed';
import type { Action, Color, Payload } from './types';

const SIDES: Color[] = ['white', 'black'];
const other = (side: Color): Color => (side === 'white' ? 'black' : 'white');
const toMove = (fen: string): Color => (fen.split(' ')[1] === 'b' ? 'black' : 'white');

export class View {
  readonly outbox = new Outbox();
  alive = true;
  private payload!: Payload;
  private orientation: Color = 'white';
  private cursor = 0;
  private pending = false;
  private entered = false;
  private readonly root = el('div', { class: 'root' });
  private readonly wrap = el('div', { class: 'cg-wrap', tabindex: '0', role: 'group' });
  private readonly strips: Record<Color, HTMLElement>;
  private readonly cards: Record<Color, CardView>;
  private readonly moves = new MoveList((cursor) => this.go(cursor));
  private readonly clocks = new ClockView();
  private readonly opening = el('p', { class: 'opening' });
  private readonly graph = el('div', { class: 'graph' });
  private readonly live = el('div', { class: 'live', 'aria-live': 'polite', role: 'status' });
  private readonly error = el('p', { class: 'error', role: 'alert' });
  private readonly input = el('input', {
    type: 'text',
    'aria-label': 'Type a move',
    placeholder: 'Type a move: e4, Nf3, O-O',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    enterkeyhint: 'go',
  });
  private readonly controls: Record<string, HTMLButtonElement>;
  private readonly ground: Api;
  private readonly size = new ResizeObserver(() => this.drawArrows());

  constructor(parent: HTMLElement | ShadowRoot) {
    const strip = (side: Color): HTMLElement => el('div', { class: `strip ${side}`, 'data-side': side });
    this.strips = { white: strip('white'), black: strip('black') };
    const events = {
      hover: (side: Color, move: { uci: string; p: number } | null) => this.drawArrows(side, move),
      curtain: (side: Color, closed: boolean) => this.act({ kind: 'curtain', orientation: side, closed }),
    };
    this.cards = { white: new CardView('white', events), black: new CardView('black', events) };
    this.controls = this.buildControls();
    this.build(parent);
    this.ground = Chessground(this.wrap, {
      coordinates: true,
      premovable: { enabled: false },
      animation: { enabled: true, duration: 180 },
      draggable: { showGhost: true },
      movable: { free: false, showDests: true, events: { after: (from, to) => this.dropped(from, to) } },
      drawable: { brushes: brushes() },
    });
    this.size.observe(this.wrap);
    this.wrap.addEventListener('touchstart', this.onTouch, { passive: true });
    document.addEventListener('keydown', this.onKey);
    for (const event of ['pointerdown', 'pointerup']) document.addEventListener(event, this.onPointer, true);
  }

  leave(): void {
    if (this.root.isConnected) return;
    this.alive = false;
    document.removeEventListener('keydown', this.onKey);
    for (const event of ['pointerdown', 'pointerup']) document.removeEventListener(event, this.onPointer, true);
    this.clocks.stop();
    this.size.disconnect();
    this.ground.destroy();
  }

  // What the server says

  receive(payload: Payload): void {
    const current = this.outbox.acknowledge(payload.session, payload.ack);
    if (!current) return;
    const known = !this.pending && this.payload !== undefined && samePosition(this.payload, payload);
    this.payload = payload;
    this.cursor = payload.cursor;
    this.orientation = payload.orientation;
    this.pending = false;
    if (!known) {
      this.wrap.querySelector('.promotion')?.remove();
      this.draw();
    }
    this.drawSide();
    if (this.live.textContent !== payload.say) this.live.textContent = payload.say;
    this.error.textContent = payload.error;
    if (!this.entered) return;
    this.entered = false;
    this.onTyped();
  }

  // Drawing

  private draw(): void {
    const { payload, cursor } = this;
    const fen = cursor ? payload.line[cursor - 1].fen : payload.start;
    const last = cursor ? payload.line[cursor - 1].uci : '';
    const settled = fen === payload.fen && !this.pending;
    const side = toMove(fen);
    this.ground.set({
      fen,
      orientation: this.orientation,
      turnColor: side,
      lastMove: last ? [last.slice(0, 2) as Key, last.slice(2, 4) as Key] : [],
      check: settled && payload.check,
      movable: {
        color: settled && payload.players[side].mayMove ? side : undefined,
        dests: settled ? destinations(payload.legal) : new Map(),
      },
    });
    this.root.classList.toggle('pending', !settled);
    this.wrap.setAttribute('aria-label', `Chess board, ${side} to move. Left and right arrow keys step through.`);
    this.moves.show(payload.line, cursor, payload.status);
    this.drawArrows();
    this.drawControls();
  }

  private drawSide(): void {
    const { payload } = this;
    this.opening.textContent = this.opening.title = payload.opening;
    for (const side of SIDES) {
      const player = payload.players[side];
      this.strips[side].replaceChildren(
        el('i', { class: 'disc' }),
        el('bdi', { class: 'name', title: player.name }, player.name),
        el('span', { class: 'rating' }, player.rating),
        this.clocks.elements[side],
      );
      this.cards[side].show(payload.cards[side]);
    }
    const resign = `Resign as ${payload.resigns === 'white' ? 'White' : 'Black'}`;
    this.controls.resign.title = resign;
    this.controls.resign.setAttribute('aria-label', resign);
    const surprise = SIDES.map((side) =>
      el('span', { class: side }, el('bdi', {}, payload.players[side].name), ` ${payload.players[side].surprise}`),
    );
    const label = el('p', {}, el('b', { title: 'Average bits a move: 1 bit = a move of probability 1/2, 5 bits = 1/32' }, 'Surprise in bits a move'), ...surprise);
    this.graph.replaceChildren(label, surpriseGraph(payload, (cursor) => this.go(cursor)));
    this.clocks.show(payload);
    this.place();
    this.drawArrows();
  }

  private drawArrows(side?: Color, alone: { uci: string; p: number } | null = null): void {
    this.ground.state.dom.bounds.clear();
    const seen = this.payload && this.wrap.clientWidth > 0; // an arrow on a board without size has no ends
    if (!seen || this.root.classList.contains('pending')) return this.ground.setAutoShapes([]);
    if (side && alone) return this.ground.setAutoShapes([arrow(side, alone)]);
    const turn = toMove(this.payload.fen);
    const sides = [other(turn), turn];
    this.ground.setAutoShapes(sides.flatMap((color) => arrows(color, this.payload.cards[color].moves)));
  }

  private drawControls(): void {
    const { payload, cursor, controls } = this;
    const plies = payload.line.length;
    controls.first.disabled = controls.previous.disabled = cursor === 0;
    controls.next.disabled = controls.last.disabled = cursor === plies;
    controls.back.disabled = cursor === 0;
    controls.resign.disabled = controls.draw.disabled = payload.over || plies === 0;
    controls.save.disabled = plies === 0;
    for (const name of ['back', 'draw', 'resign', 'fresh', 'save']) controls[name].hidden = payload.study;
    this.graph.hidden = payload.study;
    this.input.hidden = payload.study && !SIDES.some((side) => payload.players[side].mayMove);
    this.input.disabled = payload.over && cursor === plies;
  }

  // The player at the bottom has the lower strip and the lower card, as at a real board.
  private place(): void {
    for (const side of SIDES) {
      const place = side === this.orientation ? 'bottom' : 'top';
      this.strips[side].dataset.place = place;
      this.cards[side].element.dataset.place = place;
    }
    const turn = toMove(this.payload.fen);
    for (const side of SIDES) this.strips[side].classList.toggle('turn', side === turn && !this.payload.over);
  }

  // What the player does

  private act(action: Action): void {
    this.error.textContent = '';
    this.outbox.push(action, this.payload.game);
  }

  // Asks for another position: what is played meanwhile would be played in this one, and be lost.
  private ask(action: Action): void {
    this.pending = true;
    this.draw();
    this.act(action);
  }

  private go(cursor: number): void {
    const target = Math.min(Math.max(cursor, 0), this.payload.line.length);
    if (target === this.cursor) return;
    this.cursor = target;
    this.ask({ kind: 'goto', cursor: target });
  }

  private flip(): void {
    this.orientation = other(this.orientation);
    this.draw();
    this.place();
    this.act({ kind: 'flip', orientation: this.orientation });
  }

  private dropped(from: string, to: string): void {
    if (!this.promote(from + to)) this.sendMove(from + to);
  }

  private promote(uci: string): boolean {
    if (this.payload.legal[uci] || !this.payload.legal[`${uci}q`]) return false;
    this.error.textContent = '';
    askPromotion(this.wrap, uci.slice(2, 4), toMove(this.payload.fen), this.orientation, (letter) => {
      if (letter) this.playHere(uci + letter);
      else this.draw();
      this.input.value = '';
    });
    return true;
  }

  // Shows a move that did not come from the mouse, then sends it.
  private playHere(uci: string): void {
    this.ground.move(uci.slice(0, 2) as Key, uci.slice(2, 4) as Key);
    this.sendMove(uci);
  }

  private sendMove(uci: string): void {
    const { payload } = this;
    this.settlePieces(uci);
    this.pending = true;
    this.root.classList.add('pending');
    this.ground.set({ turnColor: other(toMove(payload.fen)), movable: { color: undefined, dests: new Map() }, check: false });
    this.ground.setAutoShapes([]);
    this.act({ kind: 'move', fen: payload.fen, move: uci });
  }

  // Removes a pawn taken in passing and puts a promoted piece: chessground knows castling only.
  private settlePieces(uci: string): void {
    const to = uci.slice(2, 4) as Key;
    const passing = this.payload.fen.split(' ')[3];
    const piece = this.ground.state.pieces.get(to);
    if (piece?.role === 'pawn' && to === passing && uci[0] !== uci[2]) {
      this.ground.setPieces(new Map([[(to[0] + uci[1]) as Key, undefined]]));
    }
    if (uci[4] && piece) {
      this.ground.setPieces(new Map([[to, { role: ROLE[uci[4]], color: piece.color, promoted: true }]]));
    }
  }

  private onTyped(): void {
    const text = this.input.value.trim();
    if (!text) return;
    if (this.pending) {
      this.entered = true;
      return;
    }
    const { fen, legal, players } = this.payload;
    const uci = typedMove(text, legal);
    // What cannot be played here goes to the server as it is: its answer says why.
    if (uci === null || !players[toMove(fen)].mayMove) return this.act({ kind: 'move', fen, move: text });
    this.input.value = '';
    if (!this.promote(uci)) this.playHere(uci);
  }

  // Chessground remembers where the board is, and is not told when a line above it comes or goes.
  private onPointer = (): void => this.ground.state.dom.bounds.clear();

  // Chessground drops a dragged piece only if the touch ends on the target it began on. Its listener on the
  // document is told the host of our shadow tree as the target of everything in it.
  private onTouch = (): void => {
    const drag = this.ground.state.draggable.current;
    const tree = this.root.getRootNode();
    if (drag && tree instanceof ShadowRoot) drag.originTarget = tree.host;
  };

  private onKey = (event: KeyboardEvent): void => {
    if (!this.root.isConnected) return this.leave();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0] as HTMLElement;
    const writing = target.closest?.('input, textarea, select, [contenteditable="true"], [role="slider"], [role="tab"]');
    if (writing && !(target === this.input && !this.input.value)) return;
    const last = this.payload.line.length;
    const goal = { ArrowLeft: this.cursor - 1, ArrowRight: this.cursor + 1, Home: 0, End: last }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    this.go(goal);
  };

  private save(): void {
    const url = URL.createObjectURL(new Blob([this.payload.pgn], { type: 'application/x-chess-pgn' }));
    el('a', { href: url, download: this.payload.file }).click();
    window.setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  // Building

  private buildControls(): Record<string, HTMLButtonElement> {
    const plies = (): number => this.payload.line.length;
    return {
      first: button('First position', 'first', () => this.go(0)),
      previous: button('Previous move', 'previous', () => this.go(this.cursor - 1)),
      next: button('Next move', 'next', () => this.go(this.cursor + 1)),
      last: button('Last position', 'last', () => this.go(plies())),
      flip: button('Flip the board', 'flip', () => this.flip()),
      back: button('Take back', 'undo', () => this.ask({ kind: 'back' })),
      draw: button('Agree a draw', 'draw', () => this.ask({ kind: 'draw' })),
      resign: button('Resign', 'flag', () => this.ask({ kind: 'resign' })),
      fresh: button('New game', 'plus', () => this.ask({ kind: 'new' })),
      save: button('Download PGN', 'save', () => this.save()),
    };
  }

  private build(parent: HTMLElement | ShadowRoot): void {
    const { controls } = this;
    const form = el('form', { class: 'typed' }, this.input);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.onTyped();
    });
    const steps = el('div', { class: 'group', role: 'group', 'aria-label': 'Step through the game' });
    steps.append(controls.first, controls.previous, controls.next, controls.last);
    const game = el('div', { class: 'group', role: 'group', 'aria-label': 'The game' });
    game.append(controls.flip, controls.back, controls.draw, controls.resign, controls.fresh, controls.save);
    const square = el('div', { class: 'square' }, this.wrap);
    const left = el('div', { class: 'left' }, this.strips.black, square, this.strips.white);
    left.append(el('div', { class: 'controls' }, steps, form, game), this.error, this.graph);
    const right = el('div', { class: 'right' }, this.cards.black.element, this.cards.white.element);
    right.append(el('section', { class: 'game', 'aria-label': 'The game so far' }, this.opening, this.moves.element), legend());
    this.root.append(el('div', { class: 'layout' }, left, right), this.live);
    parent.append(this.root);
  }
}

// Streamlit draws again for many reasons: a drag or an open question must not notice.
function samePosition(one: Payload, other: Payload): boolean {
  const position = ({ game, fen, cursor, line, over, status, orientation, players }: Payload): string =>
    [game, fen, cursor, line.length, over, status, orientation, players.white.mayMove, players.black.mayMove].join();
  return position(one) === position(other);
}

function legend(): HTMLElement {
  const item = (kind: string, text: string): HTMLElement => el('span', {}, el('i', { class: kind }), text);
  return el(
    'p',
    { class: 'legend' },
    item('network', 'people like them'),
    item('own', 'own games'),
    item('h2h', 'head-to-head'),
  );
}

function destinations(legal: Record<string, string>): Dests {
  const dests: Dests = new Map();
  for (const uci of Object.keys(legal)) {
    const from = uci.slice(0, 2) as Key;
    dests.set(from, [...(dests.get(from) ?? []), uci.slice(2, 4) as Key]);
  }
  return dests;
}
