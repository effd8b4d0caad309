// How the client is built: static, hashed files that a strict Content-Security-Policy can serve as they are.
//
// The output must hold no inline script or style, no `data:` file and no address of another host; `refuseLooseOutput`
// fails the build if one appears, so that the policy sent by the server never has to be loosened to match the client.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

/** Addresses that are names, not requests: the XML namespaces that Preact passes to `createElementNS`. */
const XML_NAMESPACES = /https?:\/\/www\.w3\.org\/(1998\/Math\/MathML|1999\/xhtml|1999\/xlink|2000\/svg|2000\/xmlns\/?|XML\/1998\/namespace)/g;

function looseMarkup(name: string, html: string): string[] {
  const found: string[] = [];
  for (const tag of html.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/gi)) {
    if (!/\ssrc=/.test(tag[0]) || (tag[1] ?? '').trim() !== '') found.push(`${name}: inline script`);
  }
  if (/<style\b/i.test(html)) found.push(`${name}: inline style element`);
  if (/<[a-z][^>]*\sstyle=/i.test(html)) found.push(`${name}: style attribute`);
  if (/<[a-z][^>]*\son[a-z]+=/i.test(html)) found.push(`${name}: event handler attribute`);
  return found;
}

function looseText(name: string, text: string): string[] {
  const found: string[] = [];
  const rest = text.replace(XML_NAMESPACES, '');
  const address = /(?:https?|wss?):\/\/[a-z0-9.-]+/i.exec(rest);
  if (address !== null) found.push(`${name}: absolute address ${address[0]}`);
  if (/["'(]data:[a-z]+\//i.test(rest)) found.push(`${name}: data: file`);
  if (name.endsWith('.js') && /\beval\(|\bnew Function\(/.test(rest)) found.push(`${name}: eval`);
  return found;
}

function refuseLooseOutput(): Plugin {
  return {
    name: 'conclave-refuse-loose-output',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const found: string[] = [];
      for (const [name, file] of Object.entries(bundle)) {
        const body = file.type === 'chunk' ? file.code : file.source;
        if (name.endsWith('.wasm')) continue;
        const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
        if (name.endsWith('.html')) found.push(...looseMarkup(name, text));
        found.push(...looseText(name, text));
      }
      if (found.length > 0) this.error(`the client may not ship this:\n  ${found.join('\n  ')}`);
    },
  };
}

/** Smaller files than this are not worth a second copy: they fit into one packet as they are. */
const WORTH_COMPRESSING = 1_000;

/**
 * Leaves a brotli twin beside each file, which the server hands to browsers that take it. Compressed once, here, as hard as
 * it goes: six seconds for a build, a quarter of the bytes for everybody who joins.
 */
function compressOutput(): Plugin {
  return {
    name: 'conclave-compress-output',
    apply: 'build',
    writeBundle({ dir }) {
      for (const entry of readdirSync(dir ?? 'dist', { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || path.endsWith('.br')) continue;
        const bytes = readFileSync(path);
        if (bytes.length < WORTH_COMPRESSING) continue;
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
      }
    },
  };
}

export default defineConfig({
  base: '/',
  appType: 'mpa',
  plugins: [refuseLooseOutput(), compressOutput()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: () => [refuseLooseOutput()] },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    sourcemap: false,
    reportCompressedSize: false,
  },
  server: { host: '127.0.0.1' },
  preview: { host: '127.0.0.1' },
});
