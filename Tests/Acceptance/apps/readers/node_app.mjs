// Node: the target is as it came; apps read it with `URL`, for which a backslash is a slash and
// `%2e%2e` a dot segment.
import { createServer } from "node:http";

const routes = [
  ["admin", /^\/admin(?:\/|$)/],
  ["files", /^\/files\/(?<path>.*)$/],
  ["item", /^\/item\/(?<id>[^/]+)$/],
  ["other", /^/],
];

createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://app");
  const [endpoint, pattern] = routes.find(([, pattern]) => pattern.test(pathname));
  const captures = Object.fromEntries(
    Object.entries(pattern.exec(pathname).groups ?? {}).map(([name, text]) => [
      name,
      decodeURIComponent(text),
    ]),
  );
  const target = request.url.split("?")[0];
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ endpoint, target, captures, headers: request.headers }));
}).listen(Number(process.argv[2]), "127.0.0.1");
