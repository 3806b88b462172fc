export const replication = {};
