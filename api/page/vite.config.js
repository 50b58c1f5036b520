import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
/** For `npx vite api/page`: a page that changes as its source is written, on a Parlor that runs. */
const PARLOR = process.env.PARLOR ?? 'http://127.0.0.1:8000';

export default defineConfig({
  root: at('.'),
  // The page may be below a path, behind a proxy.
  base: './',
  publicDir: false,
  resolve: {
    alias: {
      'parlor/client': at('../client/index.ts'),
      'parlor/react': at('../client/react/index.ts'),
      react: 'preact/compat',
    },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: at('../../dist/page'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: false,
    // One script, one style.
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    rolldownOptions: { output: { codeSplitting: false } },
    reportCompressedSize: false,
  },
  server: {
    proxy: { '/api': { target: PARLOR }, '/health': { target: PARLOR }, '/ws': { target: PARLOR, ws: true } },
  },
});
