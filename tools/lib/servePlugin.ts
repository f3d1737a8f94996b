// Serves one more folder, read-only, from a development server.

import type { Plugin } from 'vite';
import { resolveInside, sendFile } from './staticServer.mjs';

/** @param prefix URL path under which the folder appears, beginning and ending with '/' */
export function serveDirectory(prefix: string, folder: string): Plugin {
  return {
    name: `serve-directory:${prefix}`,
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const urlPath = request.url?.split(/[?#]/)[0] ?? '';
        if (!urlPath.startsWith(prefix)) {
          next();
          return;
        }
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          response.writeHead(405, { Allow: 'GET, HEAD' }).end();
          return;
        }
        const path = resolveInside(folder, `/${urlPath.slice(prefix.length)}`);
        if (path) sendFile(request, response, path);
        else response.writeHead(404).end();
      });
    },
  };
}
