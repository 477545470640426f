// SQLite as Swift sees it: headers, and functions for what the headers only offer as macros or
// variadic functions.
#pragma once
#include <sqlite3.h>

/// sqlite3_bind_text64 of UTF-8 that is copied. No octets are an empty text, not NULL.
static inline int csqlite_bind_text(
    sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 size) {
    return sqlite3_bind_text64(
        statement, index, size > 0 ? text : "", size, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/// sqlite3_bind_blob64 of octets that are copied. No octets are an empty blob, not NULL.
static inline int csqlite_bind_blob(
    sqlite3_stmt *statement, int index, const void *octets, sqlite3_uint64 size) {
    return sqlite3_bind_blob64(
        statement, index, size > 0 ? octets : "", size, SQLITE_TRANSIENT);
}

/// Takes from SQL what only somebody who tampers with the file needs: writing to the pages behind
/// the tables, functions with side effects in views and triggers, strings in double quotes.
static inline int csqlite_harden(sqlite3 *database) {
    int result = sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    if (result == SQLITE_OK)
        result = sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
    if (result == SQLITE_OK)
        result = sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
    if (result == SQLITE_OK)
        result = sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)0);
    return result;
}
