// Loaded before a server (NODE_OPTIONS=--require): whatever address it asks for, it listens on
// 127.0.0.1 only. The server has no setting for that.
const net = require("net");

const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (...given) {
  const callback = given.find((value) => typeof value === "function");
  const first = given[0];
  const options =
    first !== null && typeof first === "object"
      ? { ...first }
      : { port: first, backlog: given.slice(1).find((value) => typeof value === "number") };
  if (options.path !== undefined || options.fd !== undefined || options._handle !== undefined) {
    return listen.apply(this, given);
  }
  options.host = "127.0.0.1";
  return callback === undefined ? listen.call(this, options) : listen.call(this, options, callback);
};
