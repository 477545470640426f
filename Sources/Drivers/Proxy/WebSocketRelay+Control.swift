internal import Bytes
internal import Clock
internal import Endings
internal import Identity
internal import Settings
internal import Transport
internal import WebSocket

/// Messages of a client for the gateway itself (`gateway.v1`): the upstream never sees them.
extension WebSocketRelay {
    enum Meaning {
        case refresh(token: Secret)
        case refused(ControlError)
        case forUpstream
    }

    static func read(_ message: Span<UInt8>) -> Meaning {
        do throws(ControlError) {
            switch try ControlRequest.decode(message) {
            case .refresh(let token): return .refresh(token: token)
            }
        } catch {
            // It only mentions the word.
            return error == .unknownType ? .forUpstream : .refused(error)
        }
    }

    /// The client said what is no request.
    func refuse(_ error: ControlError, in worker: Worker) {
        guard allowsControl(in: worker) else { return }
        say(.error(error.refusal, at: SystemClock.wallTime()), in: worker)
    }

    /// False for one too many, with which it ends.
    private func allowsControl(in worker: Worker) -> Bool {
        if controlRate.allows(at: worker.now) { return true }
        clientViolated(End(reason: .rateLimited, detail: "control_messages"), in: worker)
        return false
    }

    /// The client brings a new token.
    func refresh(_ token: Secret, in worker: Worker) {
        guard allowsControl(in: worker) else { return }
        guard let live = context.live else {
            return say(.error(.noToken, at: SystemClock.wallTime()), in: worker)
        }
        client.refresh(
            RefreshRequest(session: live.id, token: token, begin: worker.now), in: worker)
    }
}

extension Refusal {
    /// Who was let in without a token has none that a new one could replace, and where none is
    /// asked for any more none is needed.
    static let noToken = Refusal(
        .policy, status: 404, detail: "session", message: "There is no token to be renewed")
}
