// ctr.db below the data root: SQLite 3 in WAL mode. Names, records and what refers to what live
// here, so that one transaction changes them together. Owned by ctrd's main; given by reference to
// every store that keeps its records in it. Runs in: ctrd. Thread-safe: one connection and one
// lock; a Statement or a Transaction holds the lock from its making to its end, so never keep one
// while waiting for anything else.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace ctr::image {

class Database {
 public:
  // Opens or creates the file (0600). Throws Error{internal} "database '…' is damaged: …" for a
  // corrupt, torn or foreign file, Error{unavailable} if another process holds it.
  explicit Database(const std::string& path);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements without parameters and results.
  void execute(const std::string& statements);

  // Brings a component's tables up to date: `steps` are the statements of version 1, 2, …; those
  // that the file has not seen run, each once, in one transaction. Throws if the file is newer than
  // us.
  void migrate(std::string_view component, std::initializer_list<std::string_view> steps);

  const std::string& path() const { return path_; }

 private:
  friend class Statement;
  friend class Transaction;
  [[noreturn]] void fail(int code) const;
  void check_integrity();
  // A statement is compiled once and kept for the next who runs the same text: compiling costs more
  // than most of them do.
  sqlite3_stmt* take_statement(const std::string& sql);
  void keep_statement(const std::string& sql, sqlite3_stmt* statement) noexcept;

  std::string path_;
  sqlite3* handle_ = nullptr;
  std::recursive_mutex lock_;
  bool in_transaction_ = false;
  std::unordered_map<std::string, sqlite3_stmt*> kept_;  // those that nobody runs now
};

// One prepared statement and its cursor. Texts and blobs are taken over by bind and copied out by
// the column functions.
//   Statement find(database, "SELECT id FROM images WHERE name = ?");
//   if (find.bind(name).step()) use(find.text(0));
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds the next parameters, from the first on.
  template <class... Values>
  Statement& bind(const Values&... values) {
    (bind_one(values), ...);
    return *this;
  }
  // True while there is a row.
  bool step();
  // Runs a statement that has no rows to read; returns how many rows it changed. The statement is
  // then ready to be bound again.
  int64_t run();

  // Columns from 0. Text and blobs are the same to SQLite's API: bytes; NULL is empty and 0.
  std::string text(int column) const;
  int64_t integer(int column) const;
  bool is_null(int column) const;

 private:
  void bind_one(std::string_view value);
  void bind_one(const char* value) { bind_one(std::string_view(value)); }
  void bind_one(const std::string& value) { bind_one(std::string_view(value)); }
  void bind_one(std::nullopt_t);
  void bind_one(bool value) { bind_integer(value ? 1 : 0); }
  void bind_one(int value) { bind_integer(value); }
  void bind_one(int64_t value) { bind_integer(value); }
  void bind_one(uint64_t value);
  void bind_integer(int64_t value);

  std::unique_lock<std::recursive_mutex> guard_;
  Database& database_;
  std::string sql_;
  sqlite3_stmt* handle_ = nullptr;
  int next_parameter_ = 1;
};

enum class Commit {
  normal,   // survives a crash of any process; a power cut may lose it, never tear it
  durable,  // on the disk when commit() returns (about 0.6 ms)
};

// All or nothing: rolled back unless commit() returned. Not nested.
class Transaction {
 public:
  explicit Transaction(Database& database, Commit kind = Commit::normal);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  void end() noexcept;

  std::unique_lock<std::recursive_mutex> guard_;
  Database& database_;
  Commit kind_;
  bool open_ = false;
};

}  // namespace ctr::image
