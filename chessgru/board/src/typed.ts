// Reads a typed move: SAN or UCI, with case, zeros, check marks and hyphens forgiven.

const bare = (text: string): string => text.trim().replace(/0/g, 'O').replace(/[+#!?=x\s]/g, '').replace(/[–—]/g, '-');

// The promotions, each once as if written without its piece, in UCI and in SAN.
const unfinished = (legal: Record<string, string>): [string, string][] =>
  Object.entries(legal)
    .filter(([uci]) => uci.length === 5 && uci.endsWith('q'))
    .map(([uci, san]) => [uci.slice(0, 4), san.replace(/=.*/, '')]);

// Returns the UCI of the legal move that the text means, or null if none or more than one does. A
// promotion written without its piece comes back as UCI without it: the board asks for the piece.
export function typedMove(text: string, legal: Record<string, string>): string | null {
  const entries = [...Object.entries(legal), ...unfinished(legal)];
  const uci = text.trim().toLowerCase().replace(/[\s-]/g, '');
  if (entries.some(([known]) => known === uci)) return uci;
  const exact = entries.filter(([, san]) => bare(san) === bare(text));
  if (exact.length === 1) return exact[0][0];
  const folded = bare(text).toLowerCase();
  if (!folded) return null;
  const loose = entries.filter(([, san]) => bare(san).toLowerCase() === folded);
  return loose.length === 1 ? loose[0][0] : null;
}
