#include "image/database.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <limits>
#include <new>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

using sys::Error;
using sys::ErrorKind;

constexpr int busy_timeout = 5000;  // milliseconds
// A record is a few kilobytes; an image's configuration is capped at 4 MiB when it is pulled.
constexpr int value_limit = 64 << 20;
// More than there are different texts in the program, but for those that are put together.
constexpr size_t kept_limit = 96;

}  // namespace

Database::Database(const std::string& path) : path_(path) {
  constexpr int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  try {
    int code = ::sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr);
    if (code != SQLITE_OK) fail(code);
    // SQLite gives its -wal and -shm files the mode of the database.
    sys::check(::chmod(path.c_str(), 0600), "chmod", path);
    ::sqlite3_busy_timeout(handle_, busy_timeout);
    ::sqlite3_limit(handle_, SQLITE_LIMIT_LENGTH, value_limit);
    // A file made by somebody else must not run code of its own in our process.
    ::sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    ::sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
        "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024;");
    check_integrity();
  } catch (...) {
    ::sqlite3_close(handle_);
    throw;
  }
}

Database::~Database() {
  for (const auto& [sql, statement] : kept_) ::sqlite3_finalize(statement);
  ::sqlite3_close(handle_);
}

void Database::check_integrity() {
  std::string verdict;
  {
    Statement check(*this, "PRAGMA quick_check(1)");
    if (check.step()) verdict = check.text(0);
  }
  if (verdict != "ok")
    throw Error(ErrorKind::internal, fmt::format("database '{}' is damaged: {}", path_, verdict));
}

void Database::fail(int code) const {
  const char* text = handle_ != nullptr ? ::sqlite3_errmsg(handle_) : ::sqlite3_errstr(code);
  int system_error = handle_ != nullptr ? ::sqlite3_system_errno(handle_) : 0;
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      throw Error(ErrorKind::internal, fmt::format("database '{}' is damaged: {}", path_, text));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorKind::unavailable,
                  fmt::format("database '{}' is in use by another process", path_));
    case SQLITE_FULL:
      sys::throw_errno(ENOSPC, "write", {"'" + path_ + "'"});
    case SQLITE_READONLY:
      sys::throw_errno(EROFS, "write", {"'" + path_ + "'"});
    case SQLITE_CONSTRAINT:
      throw Error(ErrorKind::conflict, fmt::format("database '{}': {}", path_, text));
    case SQLITE_NOMEM:
      sys::throw_errno(ENOMEM, "access", {"'" + path_ + "'"});
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      if (system_error != 0) sys::throw_errno(system_error, "access", {"'" + path_ + "'"});
      [[fallthrough]];
    default:
      throw Error(ErrorKind::internal, fmt::format("database '{}': {}", path_, text));
  }
}

void Database::execute(const std::string& statements) {
  std::lock_guard guard(lock_);
  int code = ::sqlite3_exec(handle_, statements.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void Database::migrate(std::string_view component, std::initializer_list<std::string_view> steps) {
  Transaction transaction(*this, Commit::durable);
  execute(
      "CREATE TABLE IF NOT EXISTS schema_versions ("
      "component TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID");
  size_t version = 0;
  {
    Statement find(*this, "SELECT version FROM schema_versions WHERE component = ?");
    if (find.bind(component).step()) version = static_cast<size_t>(find.integer(0));
  }
  if (version > steps.size())
    throw Error(ErrorKind::unsupported,
                fmt::format("database '{}' was written by a newer version of ctr ({} version {}, "
                            "this program knows {})",
                            path_, component, version, steps.size()));
  for (size_t i = version; i < steps.size(); ++i) execute(std::string(steps.begin()[i]));
  Statement(*this, "INSERT OR REPLACE INTO schema_versions VALUES (?, ?)")
      .bind(component, uint64_t{steps.size()})
      .run();
  transaction.commit();
}

sqlite3_stmt* Database::take_statement(const std::string& sql) {
  if (auto found = kept_.find(sql); found != kept_.end()) {
    sqlite3_stmt* statement = found->second;
    kept_.erase(found);
    return statement;
  }
  sqlite3_stmt* statement = nullptr;
  int code = ::sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                  SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  return statement;
}

void Database::keep_statement(const std::string& sql, sqlite3_stmt* statement) noexcept {
  // A failed one reports its error once more here; the next run begins anew.
  ::sqlite3_reset(statement);
  ::sqlite3_clear_bindings(statement);
  try {
    if (kept_.size() < kept_limit && kept_.try_emplace(sql, statement).second) return;
  } catch (const std::bad_alloc&) {
    // Then it is compiled again the next time.
  }
  ::sqlite3_finalize(statement);
}

Statement::Statement(Database& database, std::string_view sql)
    : guard_(database.lock_), database_(database), sql_(sql), handle_(database.take_statement(sql_)) {}

Statement::~Statement() {
  database_.keep_statement(sql_, handle_);
}

void Statement::bind_one(std::string_view value) {
  int code = ::sqlite3_bind_text64(handle_, next_parameter_++, value.data(), value.size(),
                                   SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_.fail(code);
}

void Statement::bind_one(std::nullopt_t) {
  int code = ::sqlite3_bind_null(handle_, next_parameter_++);
  if (code != SQLITE_OK) database_.fail(code);
}

void Statement::bind_one(uint64_t value) {
  if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    throw Error(ErrorKind::invalid_argument, fmt::format("number {} is too large to keep", value));
  bind_integer(static_cast<int64_t>(value));
}

void Statement::bind_integer(int64_t value) {
  int code = ::sqlite3_bind_int64(handle_, next_parameter_++, value);
  if (code != SQLITE_OK) database_.fail(code);
}

bool Statement::step() {
  int code = ::sqlite3_step(handle_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail(code);
  return code == SQLITE_ROW;
}

int64_t Statement::run() {
  while (step()) {
  }
  int64_t changed = ::sqlite3_changes64(database_.handle_);
  ::sqlite3_reset(handle_);
  next_parameter_ = 1;
  return changed;
}

std::string Statement::text(int column) const {
  const void* bytes = ::sqlite3_column_blob(handle_, column);
  int size = ::sqlite3_column_bytes(handle_, column);
  return bytes == nullptr ? std::string()
                          : std::string(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

int64_t Statement::integer(int column) const {
  return ::sqlite3_column_int64(handle_, column);
}

bool Statement::is_null(int column) const {
  return ::sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

Transaction::Transaction(Database& database, Commit kind)
    : guard_(database.lock_), database_(database), kind_(kind) {
  if (database.in_transaction_)
    throw Error(ErrorKind::internal, "a transaction is begun inside another");
  // The level may not change inside a transaction, and the lock keeps everybody else out meanwhile.
  if (kind_ == Commit::durable) database_.execute("PRAGMA synchronous = FULL");
  try {
    Statement(database_, "BEGIN IMMEDIATE").run();
  } catch (...) {
    end();
    throw;
  }
  open_ = database_.in_transaction_ = true;
}

void Transaction::commit() {
  Statement(database_, "COMMIT").run();
  end();
}

void Transaction::end() noexcept {
  open_ = database_.in_transaction_ = false;
  if (kind_ == Commit::durable)
    ::sqlite3_exec(database_.handle_, "PRAGMA synchronous = NORMAL", nullptr, nullptr, nullptr);
}

Transaction::~Transaction() {
  if (!open_) return;
  // After an error such as SQLITE_FULL SQLite may have rolled back by itself; then this one fails
  // and nothing is lost by that.
  ::sqlite3_exec(database_.handle_, "ROLLBACK", nullptr, nullptr, nullptr);
  end();
}

}  // namespace ctr::image
