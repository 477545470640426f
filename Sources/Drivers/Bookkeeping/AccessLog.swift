internal import Locks
package import Settings
internal import Synchronization
package import Transport

/// Where access-log lines go. Opened once and again when told to (SIGUSR1); shared by all workers.
package final class AccessLog: Sendable {
    /// An open place for lines. A file is closed when everything is written to it, however often
    /// the place was changed since.
    package final class Sink: Sendable {
        fileprivate let settings: LogSettings.Destination
        /// Nil when there is no log.
        fileprivate let writer: LogWriter?

        /// - Throws: `SystemError` when a file cannot be opened; also for a link.
        package init(
            _ settings: LogSettings.Destination, losses: LogLosses
        ) throws(SystemError) {
            self.settings = settings
            let number: Int32
            switch settings {
            case .off:
                writer = nil
                return
            case .standardOutput, .file("/dev/stdout"): number = 1
            case .standardError, .file("/dev/stderr"): number = 2
            case .file(let path): number = try System.openForAppending(path).release()
            }
            do throws(SystemError) {
                writer = try LogWriter(to: number, losses: losses)
            } catch {
                if number > 2 { Descriptor(number: number).close() }
                throw error
            }
        }

        fileprivate var isOn: Bool { writer != nil }

        deinit { writer?.finish() }
    }

    /// What was left out, of all places.
    package let losses: LogLosses
    private let sink = Guarded<Sink?>(nil)
    private let isOpen = Atomic(false)

    /// - Parameter log: is told when lines are left out.
    package init(log: EventLog) { losses = LogLosses(log: log) }

    /// Lines go there from now on.
    package func use(_ next: Sink) {
        // What was there may be closed with the last reference, outside the lock.
        let before = sink.withLock { sink in
            defer { sink = next }
            return sink
        }
        isOpen.store(next.isOn, ordering: .relaxed)
        _ = consume before
    }

    /// Opens the current file again under its name, after it was moved away.
    /// - Throws: `SystemError` when it cannot be opened; the one at hand stays.
    package func reopen() throws(SystemError) {
        guard let settings = sink.withLock({ $0?.settings }) else { return }
        use(try Sink(settings, losses: losses))
    }

    /// The process ends: nothing more is written, and what waits is waited for, but not for ever.
    package func close() {
        let last = sink.withLock { sink in
            defer { sink = nil }
            return sink
        }
        isOpen.store(false, ordering: .relaxed)
        guard let writer = last?.writer else { return }
        writer.finish()
        writer.waitForEnd()
    }

    var isOn: Bool { isOpen.load(ordering: .relaxed) }

    /// Whole lines, so many. They are written soon, on another thread.
    func write(_ lines: Span<UInt8>, count: Int) {
        sink.withLock { $0 }?.writer?.write(lines, count: count)
    }
}
