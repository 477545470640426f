internal import Sessions
internal import Settings

/// Writes down what becomes of sessions: for the operator, and in counts.
final class SessionJournal: Sendable {
    private let log: EventLog
    private let counters: Counters

    init(log: EventLog, counters: Counters) {
        self.log = log
        self.counters = counters
    }

    func note(_ report: SessionReport) {
        switch report {
        case .ended, .refused: break
        case .noticed(.flapping(let record)):
            log.warning(
                "device \(record.deviceName) of store \(record.arrival.store.store) replaces itself"
                    + " again and again: two windows fight for its place")
        case .noticed(.wouldRefuse(let record, let limit)):
            counters.noteReportOnly(.sessions, route: record.arrival.route)
            log.info(
                "'sessions' of route \(record.arrival.route) would have refused a device of store"
                    + " \(record.arrival.store.store): \(limit.devices) are there")
        case .noticed(.wouldEject(let ended, for: let record, let limit)):
            counters.noteReportOnly(.sessions, route: record.arrival.route)
            log.info(
                "'sessions' of route \(record.arrival.route) would have ended \(ended.count) of"
                    + " store \(record.arrival.store.store): \(limit.devices) are allowed")
        }
    }
}
