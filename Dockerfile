# Debian 13: the uWebSockets.js binaries for Node 22 and newer need glibc 2.38, which Debian 12 does not have.
FROM node:24-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY engine engine
COPY adapters adapters
COPY api api
RUN node_modules/.bin/tsc --project tsconfig.json && rm -f dist/.tsbuildinfo && node api/build.js && node_modules/.bin/vite build api/page --logLevel warn && npm prune --omit=dev --no-audit --no-fund
# uWebSockets.js brings its binaries for every system and every Node: 250 MB, of which one is of use here.
RUN find node_modules/uWebSockets.js -name 'uws_*.node' \
  ! -name "uws_linux_$(node -p 'process.arch + "_" + process.versions.modules').node" -delete

FROM node:24-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/package.json ./
COPY LICENSE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
# Where STORE=sqlite keeps its file; a volume here takes over who it belongs to. `parlor export`, `parlor import`.
RUN mkdir data && chown node data && ln -s /app/dist/server/main.js /usr/local/bin/parlor && chmod +x dist/server/main.js
USER node
EXPOSE 8000
# With bash, which can speak TCP: a Node that starts every 5 s would cost more than a quiet Parlor.
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-8000} && printf 'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r -t 2 line <&3 && [[ $line == *' 200 '* ]]"]
CMD ["node", "dist/server/main.js"]
