package import Settings
internal import State
internal import Transport

/// Whether a start would get what the configuration names on this machine, for this user: the
/// access log, the folder of the state, and the addresses. Nothing is made, and no address is held
/// for longer than a moment.
package struct StartCheck {
    /// A gateway with this configuration runs: that its addresses are taken is as it should be.
    let isRunning: Bool

    package init(isRunning: Bool) { self.isRunning = isRunning }

    package func findings(_ settings: Settings) -> [Generation.BuildError] {
        var findings: [Generation.BuildError] = []
        if case .file(let path) = settings.log.access {
            do throws(SystemError) {
                try PathCheck.canAppend(to: path)
            } catch {
                findings.append(
                    Generation.BuildError(
                        position: settings.log.accessPosition,
                        message: "the access log cannot be opened: "
                            + settings.log.reason(of: error)))
            }
        }
        if let state = settings.state {
            do throws(StateFileError) {
                try StateStore.check(folder: state.path)
            } catch {
                findings.append(
                    Generation.BuildError(position: state.pathPosition, message: error.description))
            }
        }
        for listener in settings.listeners {
            findings += finding(of: listener.address, at: listener.addressPosition, "")
        }
        if let console = settings.console {
            findings += finding(of: console.address, at: console.addressPosition, "the console ")
        }
        return findings
    }

    /// An address that is in use may be so because of a gateway that is to be replaced, so that is
    /// a warning.
    private func finding(
        of settings: SocketAddressSettings, at position: SourcePosition, _ who: String
    ) -> [Generation.BuildError] {
        guard let address = SocketAddress(settings) else {
            return [
                Generation.BuildError(
                    position: position,
                    message: "\(who)cannot listen on \(settings.text): no such address")
            ]
        }
        do throws(SystemError) {
            try PathCheck.canListen(on: address)
            return []
        } catch {
            if error.isAddressInUse, isRunning { return [] }
            return [
                Generation.BuildError(
                    position: position,
                    message: "\(who)cannot listen on \(settings.text): "
                        + error.advice(listeningOn: address),
                    severity: error.isAddressInUse ? .warning : .error)
            ]
        }
    }
}
