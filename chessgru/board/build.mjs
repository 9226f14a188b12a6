// Bundles src/ into static/board.js and static/board.css. Both must have a line break, which the banners
// give: Streamlit takes a text of one line for the name of a file.
import { build } from 'esbuild';

const notice = '/* chessgru board, GPL-3.0-or-later; contains chessground 10.4.1 by lichess.org, GPL-3.0-or-later */';

await build({
  entryPoints: [{ in: 'src/board.ts', out: 'board' }],
  outdir: 'static',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  banner: { js: notice, css: notice },
  loader: { '.svg': 'dataurl' },
  logLevel: 'warning',
});
