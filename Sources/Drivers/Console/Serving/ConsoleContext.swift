import Clock
import Crypto
import Endings
import HTTP
import Transport

/// What all connections of the thread share.
final class ConsoleContext {
    let link: ConsoleLink
    let poller: Poller
    let admission: Admission
    let limits: ConsoleLimits
    let buffer = ReadBuffer()
    /// The time of this turn of the loop.
    var now = SystemClock.now()
    private var entryGuard = ConsoleGuard()
    private var random = RandomPool()

    init(link: ConsoleLink, poller: Poller, admission: Admission, limits: ConsoleLimits) {
        self.link = link
        self.poller = poller
        self.admission = admission
        self.limits = limits
    }

    func setToken(digest: [UInt8]?) { entryGuard.tokenDigest = digest }

    /// Throws for a request without the right token, where it needs one.
    ///
    /// - Returns: false for one that needs none.
    func isKnown(
        _ head: RequestHead, from address: SocketAddress
    ) throws(RequestRefusal) -> Bool {
        if admission.isOpen(head) { return false }
        do throws(Refusal) {
            try entryGuard.check(head, from: address, now: now)
            return true
        } catch {
            if let others = entryGuard.shouldLog(now: now) {
                let rest = others > 0 ? " (and \(others) more before)" : ""
                link.log(
                    .warning("console: refused \(address.host) without the right token\(rest)")
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
        link.log(.info("console: \(order) from \(address.host): \(status), request \(id)"))
    }
}
