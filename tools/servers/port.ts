export { freePort as serverPort } from '#platform/testing';
