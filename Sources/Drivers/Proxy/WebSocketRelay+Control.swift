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

    /// The client brings a new token.
    func refresh(_ token: Secret, in worker: Worker) {
        guard let live = context.live else { return }
        do throws(Refusal) {
            guard controlRate.allows(at: worker.now) else {
                return clientViolated(
                    End(reason: .rateLimited, detail: "control_messages"), in: worker)
            }
            try worker.checkAttempts(of: context)
            client.refresh(
                RefreshRequest(session: live.id, token: token), in: worker)
        } catch {
            say(.error(error, at: SystemClock.wallTime()), in: worker)
        }
    }
}
