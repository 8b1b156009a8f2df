#pragma once
#include <fmt/format.h>

#include "store/journal/file.hpp"

namespace stepcast::store {

/// A time as a column holds it, and back.
inline std::int64_t milliseconds(Timestamp t) {
    return t.time_since_epoch().count();
}

inline Timestamp timestamp(std::int64_t milliseconds) {
    return Timestamp{Duration{milliseconds}};
}

/// What a journal's connection runs again and again.
struct JournalFile::Statements {
    explicit Statements(Database& db)
        : get_sum{db.prepare("SELECT value FROM meta WHERE name='sum'")},
          set_meta{db.prepare("UPDATE meta SET value=?2 WHERE name=?1")},
          add_event{db.prepare("INSERT INTO events VALUES(?,?,?,?,?,?,?,?,nullif(?,''))")},
          add_type{db.prepare("INSERT INTO types VALUES(?,?,?,?,?)")},
          remove_event{db.prepare("DELETE FROM events WHERE position=?")},
          read_events{db.prepare(
              fmt::format("SELECT {} FROM events WHERE position>? ORDER BY position LIMIT ?", row_columns))},
          save_snapshot{db.prepare("INSERT OR REPLACE INTO snapshots VALUES(?,?,?,?,?,?,?,?,?,?,?)")},
          drop_snapshot{db.prepare("DELETE FROM snapshots WHERE category=? AND stream=?")},
          keep_snapshot{db.prepare("INSERT OR REPLACE INTO snapshots_kept VALUES(?,?,?,?,?,?)")},
          drop_kept{db.prepare("DELETE FROM snapshots_kept WHERE category=? AND stream=? AND version<?")},
          add_loss{db.prepare("INSERT OR REPLACE INTO losses VALUES(?,?,?,?,?,?)")},
          forget_losses{db.prepare("DELETE FROM losses WHERE number<=?")},
          move_source{db.prepare("INSERT OR REPLACE INTO sources VALUES(?,?,?,?)")},
          add_message{db.prepare("INSERT OR REPLACE INTO outbox VALUES(?,?,?,?,?,nullif(?,x''),?,NULL)")},
          mark_sent{db.prepare("UPDATE outbox SET processed_at=?3 WHERE number BETWEEN ?1 AND ?2")},
          remove_messages{db.prepare("DELETE FROM outbox WHERE number BETWEEN ? AND ?")},
          add_mark{db.prepare("INSERT OR REPLACE INTO inbox VALUES(?,?,?,?)")},
          forget_marks{db.prepare("DELETE FROM inbox WHERE expires<=?")},
          set_timer{db.prepare("INSERT OR REPLACE INTO timers VALUES(?,?,?,?)")},
          remove_timer{db.prepare("DELETE FROM timers WHERE id=?")} {}

    Statement get_sum, set_meta, add_event, add_type, remove_event, read_events, save_snapshot, drop_snapshot,
        keep_snapshot, drop_kept, add_loss, forget_losses, move_source, add_message, mark_sent,
        remove_messages, add_mark, forget_marks, set_timer, remove_timer;
};

}  // namespace stepcast::store
