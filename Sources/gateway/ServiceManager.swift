import Clock
import Settings
import Transport

/// The service manager that started this process and waits for word from it (sd_notify(3)).
struct ServiceManager: Sendable {
    static let ready = "READY=1"

    private let socketPath: String

    /// Nil when nobody waits.
    init?() {
        let path = SystemConfigurationFiles().environment("NOTIFY_SOCKET") ?? ""
        if path.isEmpty { return nil }
        socketPath = path
    }

    func notify(_ state: String) {
        var text = state
        // With `Type=notify-reload` the manager wants to know when the reload began.
        if state == "RELOADING=1" {
            text += "\nMONOTONIC_USEC=\(SystemClock.now().nanoseconds / 1000)"
        }
        do throws(SystemError) {
            try ServiceNotification.send(text, toSocketAt: socketPath)
        } catch {
            Terminal.complain("the service manager does not answer: \(error.reason)")
        }
    }
}
