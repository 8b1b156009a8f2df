"""Producers of PyPI: `produce.py NAME BROKER TOPIC PARTITIONER` reads batches as JSON, a line each, and sends each with a producer of its own,
waiting for every record in turn: {compression, transaction (null, "commit", "abort"), records: [{key, value, headers, timestamp}]}. For
each it prints a line: {"sent": n} or {"error": text}. PARTITIONER is set where the library has a setting of that name; empty: its default."""
import asyncio
import json
import sys

import aiokafka
import confluent_kafka
import kafka

BROKER, TOPIC, PARTITIONER = sys.argv[2:]


def encoded(record):
    return (record["key"].encode() if record["key"] is not None else None, record["value"].encode(),
            [(name, value.encode()) for name, value in record["headers"]], record["timestamp"])


def transaction_of(batch, number):
    return f"{TOPIC}-{sys.argv[1]}-{number}" if batch["transaction"] else None


def by_kafka_python(batch, number):
    compression = None if batch["compression"] == "none" else batch["compression"]
    producer = kafka.KafkaProducer(bootstrap_servers=BROKER, compression_type=compression, transactional_id=transaction_of(batch, number), acks="all")
    try:
        if batch["transaction"]:
            producer.init_transactions()
            producer.begin_transaction()
        for record in batch["records"]:
            key, value, headers, timestamp = encoded(record)
            producer.send(TOPIC, value=value, key=key, headers=headers, timestamp_ms=timestamp).get(timeout=30)
        if batch["transaction"]:
            (producer.commit_transaction if batch["transaction"] == "commit" else producer.abort_transaction)()
    finally:
        producer.close(timeout=10)


def by_confluent(batch, number):
    settings = {"bootstrap.servers": BROKER, "compression.type": batch["compression"], "linger.ms": 0, "acks": "all", "enable.idempotence": True}
    if PARTITIONER:
        settings["partitioner"] = PARTITIONER
    if batch["transaction"]:
        settings["transactional.id"] = transaction_of(batch, number)
    producer, failed = confluent_kafka.Producer(settings), []
    if batch["transaction"]:
        producer.init_transactions(30)
        producer.begin_transaction()
    for record in batch["records"]:
        key, value, headers, timestamp = encoded(record)
        # To librdkafka 0 means "now".
        producer.produce(TOPIC, value=value, key=key, headers=headers, timestamp=timestamp if timestamp is not None else 0,
                         on_delivery=lambda error, _: failed.append(error) if error else None)
        assert producer.flush(30) == 0
    if batch["transaction"]:
        (producer.commit_transaction if batch["transaction"] == "commit" else producer.abort_transaction)(30)
    if failed:
        raise RuntimeError(str(failed[0]))


def by_aiokafka(batch, number):
    async def send():
        compression = None if batch["compression"] == "none" else batch["compression"]
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=BROKER, compression_type=compression, transactional_id=transaction_of(batch, number),
                                             acks="all")
        await producer.start()
        try:
            if batch["transaction"]:
                await producer.begin_transaction()
            for record in batch["records"]:
                key, value, headers, timestamp = encoded(record)
                await producer.send_and_wait(TOPIC, value=value, key=key, headers=headers, timestamp_ms=timestamp)
            if batch["transaction"] == "commit":
                await producer.commit_transaction()
            elif batch["transaction"]:
                await producer.abort_transaction()
        finally:
            await producer.stop()
    asyncio.run(send())


PRODUCERS = {"kafka-python": by_kafka_python, "confluent-kafka": by_confluent, "aiokafka": by_aiokafka}
for number, line in enumerate(sys.stdin):
    batch = json.loads(line)
    try:
        PRODUCERS[sys.argv[1]](batch, number)
        print(json.dumps({"sent": len(batch["records"])}), flush=True)
    except Exception as error:  # whatever a library raises is what the test wants to know
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
