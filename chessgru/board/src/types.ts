// What the server sends and what the board answers; the Python side is chessgru/board/__init__.py.

export type Color = 'white' | 'black';

export interface Ply {
  san: string;
  uci: string;
  fen: string;
  bits: number | null;
}

export interface Suggestion {
  uci: string;
  san: string;
  p: number;
  own: number;
  h2h: number;
  evidence: string;
}

export interface Answer {
  san: string;
  p: number;
}

export interface Reply {
  uci: string;
  san: string;
  p: number;
  answers: Answer[];
}

export interface Card {
  title: string;
  moves: Suggestion[];
  replies: Reply[];
  note: string;
  eye: string;
  closed: boolean;
}

export interface Player {
  name: string;
  rating: string;
  mayMove: boolean;
  surprise: string;
  clock: number | null;
}

export interface Payload {
  session: string;
  game: string;
  ack: number;
  orientation: Color;
  fen: string;
  start: string;
  cursor: number;
  line: Ply[];
  legal: Record<string, string>;
  check: boolean;
  over: boolean;
  resigns: Color;
  ticking: Color | '';
  status: string;
  opening: string;
  players: Record<Color, Player>;
  cards: Record<Color, Card>;
  error: string;
  say: string;
  pgn: string;
  file: string;
  study: boolean;
}

export type Action =
  | { kind: 'move'; fen: string; move: string }
  | { kind: 'goto'; cursor: number }
  | { kind: 'flip'; orientation: Color }
  | { kind: 'curtain'; orientation: Color; closed: boolean }
  | { kind: 'back' | 'resign' | 'draw' | 'new' };

export type Sent = Action & { seq: number; game: string };
