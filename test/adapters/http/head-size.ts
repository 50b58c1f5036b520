// As node:http's, and as Parlor has it: uWebSockets.js reads it when it is loaded, and its own limit is 4 KB.
process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= '16384';
