/** The wire, version 1: what the Go package `protocol` defines, for TypeScript. */
export * from './client.js';
export * from './codec.js';
export * from './codes.js';
export * from './datagram.js';
export * from './events.js';
export * from './framing.js';
export * from './room.js';
export * from './server.js';
