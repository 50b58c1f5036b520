/**
 * For `--import`: makes a machine of this one on which the binary of uWebSockets.js does not load, as with Node 24 on
 * Debian 12. What fails is what fails there, the dynamic loader, and with its words.
 */
const dlopen = process.dlopen.bind(process);

process.dlopen = (module: object, filename: string, ...rest: []) => {
  if (!filename.includes('uws')) {
    dlopen(module, filename, ...rest);
    return;
  }
  throw new Error(
    `/lib/x86_64-linux-gnu/libc.so.6: version \`GLIBC_2.38' not found\n(required by ${filename})`,
  );
};
