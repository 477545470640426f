internal import CLinux
internal import Glibc

/// The signals the process is steered by. Blocked in every thread before any other is started, and
/// taken one by one by the control thread (signal(7), sigwait(3)).
package enum Signal: Sendable, CaseIterable {
    case hangUp, terminate, quit, interrupt, user1

    private var number: Int32 {
        switch self {
        case .hangUp: SIGHUP
        case .terminate: SIGTERM
        case .quit: SIGQUIT
        case .interrupt: SIGINT
        case .user1: SIGUSR1
        }
    }

    private static var set: sigset_t {
        var set = sigset_t()
        // A local set.
        unsafe sigemptyset(&set)
        for signal in allCases { unsafe sigaddset(&set, signal.number) }
        return set
    }

    /// Called once by the first thread, before all others. Broken pipes, and files that may grow
    /// no further (RLIMIT_FSIZE), are errors, not signals.
    package static func block() {
        var set = set
        // The local set is read during the call.
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        // A constant disposition; no handler of ours runs.
        shim_ignore_write_signals()
    }

    /// Waits for the next one.
    package static func next() -> Signal {
        var set = set
        while true {
            var number: Int32 = 0
            // Locals, read and written during the call.
            guard unsafe sigwait(&set, &number) == 0 else { continue }
            if let signal = allCases.first(where: { $0.number == number }) { return signal }
        }
    }

    /// Sends it to another process of ours.
    /// - Throws: `SystemError` when there is none of that number.
    package func send(to process: Int32) throws(SystemError) {
        guard kill(process, number) == 0 else { throw SystemError("kill") }
    }
}
