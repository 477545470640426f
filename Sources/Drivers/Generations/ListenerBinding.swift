package import Bookkeeping
package import Console
package import Settings
package import Transport

/// Why an address, a log or the state cannot be had that the configuration names.
package struct BindError: Error {
    /// Where it is named.
    var position: SourcePosition
    /// One sentence, with what to do about it.
    package var text: String

    package var complaint: Generation.BuildError {
        Generation.BuildError(position: position, message: text)
    }
}

package enum ListenerBinding {
    /// Binds every address once a worker, so that the kernel spreads connections over them.
    /// - Returns: the sockets by worker.
    package static func bind(
        _ entrances: [ListenerSettings], workerCount: Int
    ) throws(BindError) -> [[ListenerHandle]] {
        var handles = [[ListenerHandle]](repeating: [], count: workerCount)
        for settings in entrances {
            let key = ListenerKey(address: settings.address)
            guard let address = SocketAddress(key.address) else {
                throw failure(settings, "no such address")
            }
            do throws(SystemError) {
                // Sharing the address is for our own workers: another process there is an error.
                try Listener.checkIsFree(address)
                let first = try Listener(address)
                for index in 1..<max(1, workerCount) {
                    handles[index].append(
                        ListenerHandle(key: key, transfer: try first.another().transfer()))
                }
                handles[0].append(ListenerHandle(key: key, transfer: first.transfer()))
            } catch {
                throw failure(settings, error.advice(listeningOn: address))
            }
        }
        return handles
    }

    private static func failure(_ settings: ListenerSettings, _ reason: String) -> BindError {
        BindError(
            position: settings.addressPosition,
            text: "cannot listen on \(settings.address.text): \(reason)")
    }

    /// The console's address bound, or the one at hand.
    package static func prepareConsole(
        _ settings: ConsoleSettings?, inPlaceOf current: ConsoleSettings?
    ) throws(BindError) -> PreparedConsole? {
        do throws(ConsoleFailure) {
            return try PreparedConsole.prepare(settings, inPlaceOf: current)
        } catch {
            throw BindError(
                position: settings?.addressPosition ?? SourcePosition(), text: error.text)
        }
    }

    package static func openLog(
        _ settings: LogSettings, _ losses: LogLosses
    ) throws(BindError) -> AccessLog.Sink {
        do throws(SystemError) {
            return try AccessLog.Sink(settings.access, losses: losses)
        } catch {
            throw BindError(
                position: settings.accessPosition,
                text: "the access log cannot be opened: \(settings.reason(of: error))")
        }
    }
}

extension LogSettings {
    /// What to say when the file of the access log cannot be written.
    package func reason(of error: SystemError) -> String {
        guard case .file(let path) = access else { return error.reason }
        return "'\(path)': \(error.advice(writing: path))"
    }
}
