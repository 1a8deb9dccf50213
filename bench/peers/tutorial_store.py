"""
The same chat with what tutorials add next: users with JWTs, and messages in a database.

One INSERT and one commit for each message through SQLAlchemy's async ORM, on aiosqlite or asyncpg,
then the loop. A new connection gets the newest 50. ``PEER_DATABASE`` is SQLAlchemy's URL, and
``PEER_PRAGMAS`` what each connection to SQLite sets: nothing, as the tutorials have it, or WAL and
``synchronous=FULL``.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, WebSocket, WebSocketDisconnect  # noqa: TID251 - the tutorial's way, and not ours
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwt
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, ForeignKey, event, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.peers.tutorial import ConnectionManager

SECRET_KEY = os.environ["PEER_SECRET_KEY"]
ALGORITHM = "HS256"

engine = create_async_engine(os.environ["PEER_DATABASE"])
SessionLocal = async_sessionmaker(engine, expire_on_commit=False)


@event.listens_for(engine.sync_engine, "connect")
def set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in os.environ.get("PEER_PRAGMAS", "").split():
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(unique=True, index=True)


class Message(Base):
    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=lambda: datetime.now(UTC)
    )


class MessageOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    room: str
    user_id: int
    text: str
    created_at: datetime


class MessageIn(BaseModel):
    text: str


class UserOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    username: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
manager = ConnectionManager()
oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")


async def get_session() -> AsyncIterator[AsyncSession]:
    async with SessionLocal() as session:
        yield session


async def user_of(session: AsyncSession, token: str) -> User | None:
    try:
        payload = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM])
    except JWTError:
        return None
    found = await session.execute(select(User).where(User.username == payload.get("sub")))
    return found.scalar_one_or_none()


async def get_current_user(
    session: Annotated[AsyncSession, Depends(get_session)],
    token: Annotated[str, Depends(oauth2_scheme)],
) -> User:
    user = await user_of(session, token)
    if user is None:
        raise HTTPException(401, "Could not validate credentials")
    return user


async def newest(session: AsyncSession, room: str, limit: int) -> list[Message]:
    query = select(Message).where(Message.room == room).order_by(Message.id.desc()).limit(limit)
    return list(reversed((await session.execute(query)).scalars().all()))


@app.get("/rooms/{room}/messages", response_model=list[MessageOut])
async def read_messages(
    room: str,
    session: Annotated[AsyncSession, Depends(get_session)],
    user: Annotated[User, Depends(get_current_user)],
    limit: int = 50,
) -> list[Message]:
    return await newest(session, room, limit)


@app.post("/rooms/{room}/messages", status_code=201)
async def create_message(
    room: str,
    new: MessageIn,
    session: Annotated[AsyncSession, Depends(get_session)],
    user: Annotated[User, Depends(get_current_user)],
) -> MessageOut:
    message = Message(room=room, user_id=user.id, text=new.text)
    session.add(message)
    await session.commit()
    await manager.broadcast(room, new.text)
    return MessageOut.model_validate(message)


@app.get("/users/me")
async def read_users_me(user: Annotated[User, Depends(get_current_user)]) -> UserOut:
    return UserOut.model_validate(user)


@app.websocket("/ws/{room}")
async def websocket_endpoint(websocket: WebSocket, room: str, token: str) -> None:
    async with SessionLocal() as session:
        user = await user_of(session, token)
        if user is None:
            await websocket.close(code=1008)
            return
        history = await newest(session, room, 50)
    await manager.connect(room, websocket)
    for message in history:
        await websocket.send_text(message.text)
    try:
        while True:
            data = await websocket.receive_text()
            async with SessionLocal() as session:
                session.add(Message(room=room, user_id=user.id, text=data))
                await session.commit()
            await manager.broadcast(room, data)
    except WebSocketDisconnect:
        manager.disconnect(room, websocket)
