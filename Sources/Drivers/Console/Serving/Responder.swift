import Endings
import Synchronization
import Transport

/// Where an endpoint sends its answer: once, from any thread. Later answers, and those that come
/// after `ConsoleLimits.answerTime`, are for nobody.
final class Responder: Sendable {
    private let link: ConsoleLink
    private let exchange: ExchangeID
    private let isSpent = Atomic(false)

    init(_ link: ConsoleLink, _ exchange: ExchangeID) {
        self.link = link
        self.exchange = exchange
    }

    func respond(_ response: ConsoleResponse) {
        if isSpent.exchange(true, ordering: .relaxed) { return }
        link.mailbox.post(.answer(exchange, response))
    }

    /// Takes what a backend answers, and has it written by `write`.
    func writing<Value>(
        _ write: @escaping @Sendable (Value) -> ConsoleResponse
    ) -> ConsoleAnswer<Value> {
        { [self] result in respond(result, write) }
    }

    /// What is there, written by `write`, or why it is not.
    func respond<Value>(
        _ result: Result<Value, Refusal>, _ write: (Value) -> ConsoleResponse
    ) {
        switch result {
        case .success(let value): respond(write(value))
        case .failure(let refusal): respond(.problem(refusal))
        }
    }
}

/// One request: whose it is, and which one of his.
struct ExchangeID: Sendable, Hashable {
    var connection: UInt64
    var number: UInt64
}
