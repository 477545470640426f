import Clock
import Crypto
import Endings
import HTTP
import Transport

/// What all connections of the thread share.
final class ConsoleDesk {
    let board: ConsoleBoard
    let poller: Poller
    let admission: Admission
    let limits: ConsoleLimits
    let buffer = ReadBuffer()
    /// Of the turn.
    var now = SystemClock.now()
    private var entryGuard = ConsoleGuard()
    private var random = RandomPool()

    init(board: ConsoleBoard, poller: Poller, admission: Admission, limits: ConsoleLimits) {
        self.board = board
        self.poller = poller
        self.admission = admission
        self.limits = limits
    }

    func setToken(digest: [UInt8]?) { entryGuard.tokenDigest = digest }

    /// Throws for a request of somebody without the token.
    func authenticate(
        _ head: RequestHead, from address: SocketAddress
    ) throws(RequestRefusal) {
        do throws(Refusal) {
            try entryGuard.check(head, from: address, now: now)
        } catch {
            if let others = entryGuard.shouldLog(now: now) {
                let rest = others > 0 ? " (and \(others) more before)" : ""
                board.log(
                    .warning("console: refused \(address.host), who brings no token of ours\(rest)")
                )
            }
            var refusal = RequestRefusal(error)
            if let challenge = ConsoleGuard.challenge(of: error) {
                refusal.fields.append(("WWW-Authenticate", challenge))
            }
            throw refusal
        }
    }

    func newRequestID() -> String {
        do throws(CryptoError) {
            return try random.identifier()
        } catch {
            preconditionFailure("no randomness: \(error.description)")
        }
    }

    /// One line for every order.
    func note(_ order: String, _ status: Int, from address: SocketAddress, id: String) {
        board.log(.info("console: \(order) of \(address.host): \(status), request \(id)"))
    }
}
