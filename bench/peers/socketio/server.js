// The server of Socket.IO's chat tutorial, with rooms: a message is stored under the client's
// own offset, sent to the room, and acknowledged. A client that connects without being recovered
// gets the messages after the last id that it knows.
//
//   node server.js PORT DATABASE sqlite3|better-sqlite3 [PRAGMA...]

import { createServer } from "node:http";
import express from "express";
import { Server } from "socket.io";

const [port, file, driver, ...pragmas] = process.argv.slice(2);

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT,
    client_offset TEXT UNIQUE,
    content TEXT
  );
  CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id);`;
const INSERT = "INSERT INTO messages (room, content, client_offset) VALUES (?, ?, ?)";
const AFTER = "SELECT id, content FROM messages WHERE room = ? AND id > ?";
const NEWEST = "SELECT id, content FROM messages WHERE room = ? ORDER BY id DESC LIMIT ?";

// The tutorial's driver: asynchronous, with SQLite in a pool of threads.
async function openSqlite3() {
  const { default: sqlite3 } = await import("sqlite3");
  const { open } = await import("sqlite");
  const db = await open({ filename: file, driver: sqlite3.Database });
  for (const pragma of pragmas) await db.exec(`PRAGMA ${pragma}`);
  await db.exec(SCHEMA);
  return {
    insert: async (...values) => (await db.run(INSERT, ...values)).lastID,
    isDuplicate: (error) => error.errno === 19, // SQLITE_CONSTRAINT
    after: (room, id, each) => db.each(AFTER, [room, id], (_error, row) => each(row)),
    newest: (room, limit) => db.all(NEWEST, room, limit),
  };
}

// The faster one: synchronous, with statements prepared once.
async function openBetterSqlite3() {
  const { default: Database } = await import("better-sqlite3");
  const db = new Database(file);
  for (const pragma of pragmas) db.pragma(pragma);
  db.exec(SCHEMA);
  const [insert, after, newest] = [INSERT, AFTER, NEWEST].map((sql) => db.prepare(sql));
  return {
    insert: (...values) => insert.run(...values).lastInsertRowid,
    isDuplicate: (error) => error.code === "SQLITE_CONSTRAINT_UNIQUE",
    after: (room, id, each) => after.all(room, id).forEach(each),
    newest: (room, limit) => newest.all(room, limit),
  };
}

const store = await (driver === "sqlite3" ? openSqlite3() : openBetterSqlite3());
const app = express();
const server = createServer(app);
const io = new Server(server, { connectionStateRecovery: {} });

app.get("/rooms/:room/messages", async (req, res) => {
  const rows = await store.newest(req.params.room, Number(req.query.limit ?? 50));
  res.json(rows.reverse());
});

io.on("connection", async (socket) => {
  const room = socket.handshake.query.room ?? "general";
  socket.join(room);

  socket.on("chat message", async (text, clientOffset, callback) => {
    let id;
    try {
      id = await store.insert(room, text, clientOffset);
    } catch (error) {
      // Already stored, and the acknowledgement was lost: acknowledge it again.
      if (store.isDuplicate(error)) callback();
      return;
    }
    io.to(room).emit("chat message", text, id);
    callback();
  });

  if (!socket.recovered) {
    await store.after(room, socket.handshake.auth.serverOffset ?? 0, (row) => {
      socket.emit("chat message", row.content, row.id);
    });
  }
});

server.listen(Number(port), "127.0.0.1");
