#pragma once
#include "client/connection.hpp"
#include "domain/shop/provider.hpp"

namespace stepcast::shop {

/// A payment provider behind HTTP: `POST URL/charges` with `{"key","amount","paymentMethod"}` and `POST
/// URL/refunds` with `{"key"}`, each with an `Idempotency-Key`. 2xx: done. 408, 409, 425, 429, 5xx and no
/// answer leave it open; every other status refuses a charge. Each call has a connection of its own.
class HttpProvider final : public PaymentProvider {
  public:
    struct Options {
        client::Url url;
        client::Trust trust{};  ///< for https
    };

    HttpProvider(asio::io_context& io, Options options);

    aio::awaitable<Answer> charge(Charge charge, Duration patience, aio::Stop& stop) override;
    aio::awaitable<bool> refund(std::string key, Duration patience, aio::Stop& stop) override;

  private:
    /// The status; 0: no answer.
    aio::awaitable<int> ask(std::string path, std::string key, std::string body, Duration patience,
                            aio::Stop& stop);

    const aio::Strand strand_;
    const Options options_;
};

}  // namespace stepcast::shop
